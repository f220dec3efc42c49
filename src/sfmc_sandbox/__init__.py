"""Marketing Cloud on the wire: a stranger to bouncelens."""
