"""How a lake lies in its folder, and how one is opened: made, completed, or refused with a reason.

`<lake>/<table>/` is a Delta table each; docs/lake.md says the same to other engines' users.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bouncelens.errors import LakeAbsent, StoreError
from bouncelens.store.files import local_path, resolved
from bouncelens.store.tables import LATER, TABLES, LakeTable

if TYPE_CHECKING:
    from deltalake import DeltaTable


def open_tables(uri: str, options: dict[str, str], *, create: bool) -> dict[str, DeltaTable]:
    """Every table of the lake at `uri`, by name. Raises StoreError, or the engine's own errors."""
    from deltalake import DeltaTable

    absent = [
        name
        for name in TABLES
        if not DeltaTable.is_deltatable(f"{uri}/{name}", storage_options=options)
    ]
    _refuse_strangers(uri, absent)
    if not create and (len(absent) == len(TABLES) or set(absent) - set(LATER)):
        raise LakeAbsent(
            f"There is no lake at {uri}.",
            advice="Pull or import bounces first, or name the right folder as `lake`.",
        )
    return {
        name: _made(uri, table, options)
        if name in absent
        else _opened(uri, table, options, complete=create)
        for name, table in TABLES.items()
    }


def is_there(url: str, options: dict[str, str] | None = None) -> bool:
    """Whether there is anything at the lake's place: tables of a lake, or other things."""
    from deltalake import DeltaTable

    uri = resolved(url)
    root = local_path(uri)
    if root is not None:
        return root.is_file() or (root.is_dir() and any(root.iterdir()))
    return any(DeltaTable.is_deltatable(f"{uri}/{name}", options or {}) for name in TABLES)


def _refuse_strangers(uri: str, absent: list[str]) -> None:
    """Never scatter tables over somebody's folder, nor start afresh beside orphaned files."""
    root = local_path(uri)
    if root is None or not root.exists():
        return
    if not root.is_dir():
        raise StoreError(f"The lake {uri} is a file, not a folder.", advice=_ELSEWHERE)
    # A second opener may be making the tables in this very moment.
    if len(absent) == len(TABLES) and any(part.name not in TABLES for part in root.iterdir()):
        raise StoreError(f"The folder {uri} holds other things than a lake.", advice=_ELSEWHERE)
    for name in absent:
        place = root / name
        # Looked at once: between two looks another opener may begin the log.
        held = {entry.name for entry in place.iterdir()} if place.is_dir() else set()
        if held and "_delta_log" not in held:
            raise StoreError(
                f"The lake at {uri} is damaged: {name}/ has files but no transaction log.",
                advice="Restore it from a backup, or name another folder as `lake` and pull "
                "everything again with --since: the bookmarks are those of the old one.",
            )


_ELSEWHERE = "Name an empty or a new folder as `lake` in the settings."


def _made(uri: str, table: LakeTable, options: dict[str, str]) -> DeltaTable:
    import pyarrow as pa
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    # "comment" is where Delta readers look for a column's meaning.
    schema = pa.schema(
        [
            field.with_metadata({"comment": (field.metadata or {}).get(b"doc", b"").decode()})
            for field in table.stored_schema
        ]
    )
    try:
        return DeltaTable.create(
            f"{uri}/{table.name}",
            schema,
            mode="ignore",
            partition_by=list(table.partition_by) or None,
            name=table.name,
            description=table.title,
            configuration=dict(table.properties),
            storage_options=options,
        )
    except DeltaError:
        # Somebody else may have made it in this very moment.
        return DeltaTable(f"{uri}/{table.name}", storage_options=options)


def _opened(uri: str, table: LakeTable, options: dict[str, str], *, complete: bool) -> DeltaTable:
    from deltalake import DeltaTable, Field, Schema
    from deltalake.exceptions import DeltaError

    delta = DeltaTable(f"{uri}/{table.name}", storage_options=options)
    held = {field.name: field.type for field in delta.schema().fields}
    wanted = {field.name: field for field in Schema.from_arrow(table.stored_schema).fields}
    if missing_key := [name for name in table.key if name not in held]:
        raise StoreError(
            f"{uri}/{table.name} is a Delta table of somebody else: it lacks {missing_key[0]!r}.",
            advice=_ELSEWHERE,
        )
    for name, kind in held.items():
        if name not in wanted:
            raise StoreError(
                f"The lake at {uri} has a column {table.name}.{name} that this version of "
                "bouncelens does not know.",
                advice="Upgrade bouncelens, or name another folder as `lake`.",
            )
        if kind != wanted[name].type:
            raise StoreError(
                f"The lake at {uri} has {table.name}.{name} as {kind}, not {wanted[name].type}.",
                advice=_ELSEWHERE,
            )
    absent = [field for name, field in wanted.items() if name not in held]
    if absent and complete:
        added = [Field(field.name, field.type, nullable=True) for field in absent]
        try:
            delta.alter.add_columns(added)
        except DeltaError:
            delta.update_incremental()  # a second opener was faster
            now_held = {field.name for field in delta.schema().fields}
            if any(field.name not in now_held for field in absent):
                raise
    return delta


def crowded(
    delta: DeltaTable, table: LakeTable, limit: int
) -> list[list[tuple[str, str, str]] | None]:
    """The partitions with more files than `limit`, as filters; None is a whole table."""
    import pyarrow as pa

    if not table.partition_by:
        return [None] if len(delta.file_uris()) > limit else []
    column = table.partition_by[0]
    parts = pa.table(delta.get_add_actions(flatten=True)).column(f"partition.{column}")
    counts = Counter(str(part) for part in parts.to_pylist())
    return [[(column, "=", part)] for part, count in counts.items() if count > limit]
