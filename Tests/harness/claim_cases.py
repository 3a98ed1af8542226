"""Tokens with a good signature: which claims make one invalid or expired."""

from harness.token_cases import ALICE, TokenCase, expired, invalid, valid, written
from harness.tokens import ISSUER, LEFT_OUT, ahead, since
from harness.ways_in import INVALID, Answer

TIMES = [
    valid("expires in an hour", "The usual case.", exp=ahead(3600)),
    valid("expires now", "There are 30 s of leeway.", exp=since(0)),
    valid("expired for 29 s", "Within the leeway; `expiring` comes at once.", exp=ahead(-29)),
    expired("expired for 31 s", "Beyond the leeway.", exp=since(31)),
    expired("expired for a day", "Long gone.", exp=since(86_400)),
    expired("expired in 1970", "Zero is a moment like any other.", exp=0),
    expired("expired before 1970", "So is a negative number.", exp=-1),
    invalid("exp missing", "A token without an end is good for ever for whoever finds it.", exp=LEFT_OUT),
    invalid("exp as a string", "A number is asked for.", exp=lambda: str(ahead(3600)())),
    invalid("exp null", "A number is asked for.", exp=None),
    invalid("exp true", "`true` is not 1.", exp=True),
    invalid("exp as a list", "A number is asked for.", exp=lambda: [ahead(3600)()]),
    valid("exp with a fraction", "RFC 7519 allows fractions of a second.", exp=lambda: ahead(3600)() + 0.5),
    written("exp with an exponent", ALICE, "It is a number of JSON.", ',"exp":4.1e9', exp=LEFT_OUT),
    valid("exp in the year 10000", "Far away is not wrong.", exp=253_402_300_800),
    valid("exp of 2 to the 63rd", "It is larger than an integer of 64 bits, and no reason to fall.", exp=2**63),
    valid("exp of 1e300", "The same for a number that only fits a double.", exp=1e300),
    written("exp of 1e400", INVALID, "No double holds it.", ',"exp":1e400', exp=LEFT_OUT),
    written("exp of NaN", INVALID, "JSON has no such number.", ',"exp":NaN', exp=LEFT_OUT),
    written("exp with a leading zero", INVALID, "JSON has no such number.", ',"exp":04100000000', exp=LEFT_OUT),
    valid("valid from a minute ago", "It has begun.", nbf=since(60)),
    valid("valid in 29 s", "Within the leeway.", nbf=since(-29)),
    invalid("valid in 31 s", "Beyond the leeway: it is not good yet.", nbf=ahead(31)),
    invalid("valid in a day", "Not good yet.", nbf=ahead(86_400)),
    valid("nbf with a fraction", "RFC 7519 allows it.", nbf=lambda: since(60)() + 0.5),
    invalid("nbf as a string", "A number is asked for.", nbf=lambda: str(since(60)())),
    invalid("nbf true", "A number is asked for.", nbf=True),
    valid("issued in the future", "`iat` is not looked at.", iat=ahead(3600)),
]

# The longest name, in bytes.
LONGEST = "é" * 100

WHO = [
    invalid("sub missing", "Somebody must be named.", sub=LEFT_OUT),
    invalid("sub empty", "A name has a byte at least.", sub=""),
    invalid("sub as a number", "A name is text.", sub=7),
    invalid("sub null", "A name is text.", sub=None),
    valid("sub of 200 bytes", "The longest name.", user="x" * 200, sub="x" * 200),
    invalid("sub of 201 bytes", "One too many.", sub="x" * 201),
    valid("sub of 200 bytes of UTF-8", "Bytes are counted, and these are written as escapes.", LONGEST, sub=LONGEST),
    written("sub of 200 bytes of UTF-8 as they are", Answer(LONGEST), "The same name, without escapes.", sub=LONGEST),
    invalid("sub of 201 bytes of UTF-8", "Bytes are counted, not letters.", sub=LONGEST + "x"),
    invalid("sub with a control character", "It could forge lines of a log.", sub="alice\nbob"),
    invalid("sub with NUL", "A control character, too.", sub="alice\0"),
    invalid("sub with DEL", "A control character, too.", sub="alice\x7f"),
    written("sub with a raw line feed", INVALID, "JSON wants it escaped.", ',"sub":"alice\n"', sub=LEFT_OUT),
    written("sub with half a surrogate", INVALID, "It is no character.", r',"sub":"\ud800"', sub=LEFT_OUT),
    written("sub with a pair of surrogates", Answer("🐦"), "It is one.", r',"sub":"\ud83d\udc26"', sub=LEFT_OUT),
    valid("sub with spaces", "A name may have spaces.", user="Alice B.", sub="Alice B."),
    valid("further claims", "What is not known is not looked at.", jti="1", email="alice@apus.test", roles=["admin"]),
]

FOR_WHOM = [
    valid("aud in a list", "One of them is the node's.", aud=["other", "apus"]),
    invalid("aud of another", "It was made for somebody else.", aud="other"),
    invalid("aud in capitals", "Compared byte by byte.", aud="APUS"),
    invalid("aud that begins like it", "Compared whole.", aud="apus2"),
    invalid("aud in a list of others", "None is the node's.", aud=["other", "another"]),
    invalid("aud in an empty list", "None is the node's.", aud=[]),
    invalid("aud in a list of numbers", "A list of strings is asked for.", aud=[1, 2]),
    invalid("aud in a list with a number", "All of them must be strings.", aud=["apus", 1]),
    invalid("aud missing", "`--jwt-audience` asks for it.", aud=LEFT_OUT),
    invalid("aud null", "A string is asked for.", aud=None),
    invalid("aud as an object", "A string is asked for.", aud={"apus": True}),
    invalid("iss of another", "Somebody else has made it.", iss="https://evil.test"),
    invalid("iss with a slash behind it", "Compared byte by byte.", iss=ISSUER + "/"),
    invalid("iss missing", "`--jwt-issuer` asks for it.", iss=LEFT_OUT),
    written("iss in a list", INVALID, "It is one string.", f',"iss":["{ISSUER}"]', iss=LEFT_OUT),
    written("iss as a number", INVALID, "It is a string.", ',"iss":1', iss=LEFT_OUT),
]

INFO = [
    valid("info as an object", "Any JSON.", info={"name": "Alice", "colour": [1, 2, 3]}),
    valid("info null", "Any JSON.", info=None),
    valid("info of 1,024 bytes", "The largest.", info="x" * 1022),
    invalid("info of 1,025 bytes", "One too many.", info="x" * 1023),
    written("info of 1,024 bytes of UTF-8", ALICE, "Bytes are counted.", info="é" * 511),
    invalid("info of 1,026 bytes of escapes", "Counted as it stands in the token.", info="é" * 170 + "xxxx"),
    written("info with 1,030 bytes of blanks", INVALID, "The same.", ',"info":[' + " " * 1028 + "]"),
]

RIGHTS = [
    valid("channels", "What the holder may do, instead of the rules' levels.", channels={"room:*": ["subscribe"]}),
    valid("channels empty", "The holder may do nothing.", channels={}),
    valid("channels with an empty list", "Nothing in these.", channels={"room:*": []}),
    valid(
        "all capabilities",
        "These five are all there are.",
        channels={"*": ["subscribe", "publish", "presence", "history", "signal"]},
    ),
    invalid("channels as a list", "An object is asked for.", channels=["room:*"]),
    invalid("channels as a string", "An object is asked for.", channels="room:*"),
    invalid("channels null", "Not the same as no claim: that would be all the rules allow.", channels=None),
    invalid("channels with a string", "A list is asked for.", channels={"room:*": "subscribe"}),
    invalid("channels with true", "A list is asked for.", channels={"room:*": True}),
    invalid("an unknown capability", "Better refused than understood as less.", channels={"room:*": ["write"]}),
    invalid("a capability in capitals", "Compared byte by byte.", channels={"room:*": ["Subscribe"]}),
    invalid("a capability as a number", "A string is asked for.", channels={"room:*": [1]}),
    written(
        "a pattern twice",
        INVALID,
        "Which of them was meant?",
        ',"channels":{"room:*":["subscribe"],"room:*":["publish"]}',
    ),
    written(
        "a pattern twice, once escaped",
        INVALID,
        "They are the same when decoded.",
        r',"channels":{"room:*":["subscribe"],"room:\u002a":["publish"]}',
    ),
    written("channels twice", INVALID, "Which of them was meant?", ',"channels":{},"channels":{"*":["publish"]}'),
]

AS_JSON = [
    written("sub twice", INVALID, "Two readers would see two users.", ',"sub":"bob"'),
    written("sub twice, once escaped", INVALID, "They are the same when decoded.", r',"s\u0075b":"bob"'),
    written("exp twice", INVALID, "Which of them was meant?", ',"exp":4100000000'),
    written("an unknown claim twice", INVALID, "No member may stand twice.", ',"x":1,"x":1'),
    written("claims that are not JSON", INVALID, "An object is asked for.", change=lambda text: "alice"),
    written("claims in single quotes", INVALID, "That is not JSON.", change=lambda text: text.replace('"', "'")),
    written("claims in a list", INVALID, "An object is asked for.", change=lambda text: f"[{text}]"),
    written("claims in a string", INVALID, "An object is asked for.", change=lambda text: '"alice"'),
    written("claims without a byte", INVALID, "An object is asked for.", change=lambda text: ""),
    written("claims cut short", INVALID, "That is not JSON.", change=lambda text: text[:-1]),
    written("nested 30 deep", ALICE, "Deep enough for anybody.", f',"x":{"[" * 29}{"]" * 29}'),
    written("nested 100 deep", INVALID, "64 levels are all a node reads.", f',"x":{"[" * 99}{"]" * 99}'),
    written("claims that are not UTF-8", INVALID, "JSON is UTF-8.", ',"x":"ÿ"', lambda text: text.encode("latin-1")),
    written("claims in UTF-16", INVALID, "JSON is UTF-8.", change=lambda text: text.encode("utf-16")),
    written("claims behind a byte order mark", INVALID, "It is no part of JSON.", change=lambda text: "\ufeff" + text),
    written("blanks around the claims", ALICE, "JSON allows them.", change=lambda text: f" \n{text}\r\n\t"),
    written("a byte behind the claims", INVALID, "All of it must be read.", change=lambda text: text + "x"),
    written("NUL behind the claims", INVALID, "All of it must be read.", change=lambda text: text + "\0"),
    written("an object behind the claims", INVALID, "All of it must be read.", change=lambda text: text + "{}"),
    written("a comma too many", INVALID, "That is not JSON.", change=lambda text: text[:-1] + ",}"),
    written("a comment in the claims", INVALID, "That is not JSON.", change=lambda text: text[:-1] + "/**/}"),
]

CLAIMS: dict[str, list[TokenCase]] = {
    "Times": TIMES,
    "Who": WHO,
    "For whom, and by whom": FOR_WHOM,
    "What presence shows": INFO,
    "Rights": RIGHTS,
    "The claims as JSON": AS_JSON,
}
