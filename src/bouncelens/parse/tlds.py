"""Endings that make a dotted word a host name; without them "unavailable.please" would be one.

All country codes (ISO 3166 as delegated by IANA), the generic ones that receive mail in numbers,
and the private ones that servers name themselves by.
"""

_COUNTRIES = """
ac ad ae af ag ai al am ao ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by
bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu
fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il
im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly
ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu
nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm
sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va
vc ve vg vi vn vu wf ws ye yt za zm zw
"""
_GENERIC = """
com net org edu gov mil int info biz name pro aero asia cat coop jobs mobi museum post tel travel
app dev cloud online shop site store tech xyz top club blog agency email live life news media
network systems solutions services group company digital design studio bank berlin hamburg koeln
wien swiss london paris nyc tokyo amsterdam goog google page one health care academy university
"""
_PRIVATE = (
    "arpa local localdomain localhost lan internal intra corp home test example invalid domain"
)

TLDS = frozenset((_COUNTRIES + _GENERIC + _PRIVATE).split())
