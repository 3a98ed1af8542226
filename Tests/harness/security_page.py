"""Writes docs/security.md: a text for users, and the two tables that the tests go by.

    cd Tests && ../.venv/bin/python -m harness.security_page
"""

from collections.abc import Iterable
from pathlib import Path
from string import Template

from harness.claim_cases import CLAIMS
from harness.form_cases import FORMS
from harness.permission_cases import COLUMNS, OPEN_RULES, PERMISSIONS, RULES, PermissionCase
from harness.repository import REPOSITORY
from harness.signature_cases import SIGNED
from harness.token_cases import TokenCase

PATH = REPOSITORY / "docs/security.md"
TEMPLATE = Path(__file__).with_name("security_page.md")
COMMAND = "cd Tests && ../.venv/bin/python -m harness.security_page"


def page() -> str:
    """The whole page."""
    return Template(TEMPLATE.read_text()).substitute(
        command=COMMAND,
        tokens=_sections({**FORMS, **SIGNED, **CLAIMS}, _tokens),
        token_count=sum(len(cases) for table in (FORMS, SIGNED, CLAIMS) for cases in table.values()),
        permissions=_sections(PERMISSIONS, _permissions),
        permission_count=sum(len(cases) for cases in PERMISSIONS.values()),
        rules=RULES.strip(),
        open_rules=OPEN_RULES.strip(),
    )


def _sections(table: dict[str, list], write) -> str:
    return "\n\n".join(f"### {title}\n\n{write(cases)}" for title, cases in table.items())


def _tokens(cases: list[TokenCase]) -> str:
    return _table(["token", "answer", "why"], ([case.name, _answer(case), case.why] for case in cases))


def _answer(case: TokenCase) -> str:
    return f"`{case.answer.code}`" if case.answer.code else "accepted"


def _permissions(cases: list[PermissionCase]) -> str:
    # A column that says the same everywhere is left out.
    claims = any(case.claim is not None for case in cases)
    head = ["who", "channel", *(["claim `channels`"] if claims else []), *COLUMNS, "why"]
    return _table(head, (_permission(case, claims) for case in cases))


def _permission(case: PermissionCase, claims: bool) -> list[str]:
    said = "-" if case.claim is None else "; ".join(f"`{name}`: {_list(can)}" for name, can in case.claim.items())
    cells = [case.cells[column] for column in COLUMNS]
    marks = {"ok": "yes", "forbidden": "no", "-": "-"}
    return [case.name, f"`{case.channel}`", *([said or "`{}`"] if claims else []), *(marks[c] for c in cells), case.why]


def _list(capabilities: list[str]) -> str:
    return "all five" if len(capabilities) == 5 else ", ".join(capabilities) or "none"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    PATH.write_text(page())
    print(PATH)
