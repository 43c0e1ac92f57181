"""DICOM's wildcards in SQL: ``*`` for any characters, ``?`` for one; with and without regard to case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import CharField, Lookup, TextField

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

    Sql = tuple[str, tuple[str | int, ...]]
    TextLookup = Lookup[str]
else:
    TextLookup = Lookup  # generic for type checkers only


class Wildcard(TextLookup):
    """Text that a pattern covers whole, upper and lower case being different."""

    lookup_name = "wildcard"
    template = "%s"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """Compare with LIKE, for PostgreSQL."""
        pattern = like_pattern(str(self.rhs))
        return self._compare(compiler, connection, "LIKE", " ESCAPE '\\'", pattern)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Sql:
        """Compare with GLOB: SQLite's LIKE does not tell upper from lower case."""
        return self._compare(compiler, connection, "GLOB", "", str(self.rhs).replace("[", "[[]"))

    def _compare(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, operator: str, end: str, pattern: str
    ) -> Sql:
        left, values = self.process_lhs(compiler, connection)
        return f"{self.template % left} {operator} {self.template % '%s'}{end}", (*values, pattern)


class NameWildcard(Wildcard):
    """Text that a pattern covers whole, whatever the case of its letters (PS3.4 C.2.2.2.1, person names)."""

    lookup_name = "name_wildcard"
    template = "LOWER(%s)"


def like_pattern(pattern: str) -> str:
    """Pattern for SQL's LIKE."""
    for special in ("\\", "%", "_"):
        pattern = pattern.replace(special, f"\\{special}")
    return pattern.replace("*", "%").replace("?", "_")


def register() -> None:
    """Let text columns be compared so."""
    for kind in (CharField, TextField):
        kind.register_lookup(Wildcard)
        kind.register_lookup(NameWildcard)
