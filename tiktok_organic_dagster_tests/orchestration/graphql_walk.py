"""Asks Dagster's web server for every field of its GraphQL, found by introspection: no field is chosen by hand."""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    build_client_schema,
    get_introspection_query,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
)

Post = Callable[[str], dict[str, Any]]
"""Sends a query; gives the whole answer, errors too."""

MOST_ROUNDS = 30  # of leaving out fields whose resolvers fail


@dataclass
class Selection:
    """What is asked of an object of a type: its fields that hold values, and those that hold objects."""

    of: GraphQLObjectType
    leaves: list[tuple[str, str]] = field(default_factory=list)
    objects: list[tuple[str, str, "list[Selection]"]] = field(default_factory=list)

    def __str__(self) -> str:
        # Each field has a name of its own: fields of the same name have other types in other members of a union.
        name = self.of.name
        leaves = [f"{name}_{field}: {field}{arguments}" for field, arguments in self.leaves]
        objects = [
            f"{name}_{field}: {field}{arguments} {{ __typename {' '.join(map(str, inner))} }}"
            for field, arguments, inner in self.objects
        ]
        return f"... on {name} {{ __typename {' '.join([*leaves, *objects])} }}"


class Walk:
    """All queries that there are to ask.

    Args:
        post: Asks the web server.
        arguments: What arguments are given, by the name of their type, or else by their own name, as JSON values.
        with_a_root_of_their_own: Types that are asked for in full where a root field leads to them, and with their
            values alone where they hang on something else: a repository hangs on each of its assets.
        left_out: Fields that are not asked for, as `Type.field`.

    Attributes:
        asked: The fields that were asked for and answered, as `Type.field`.
        not_asked: Fields with a required argument that nothing is known for.
        failing: Fields whose resolvers fail in this deployment.
    """

    def __init__(
        self,
        post: Post,
        arguments: Mapping[str, Any],
        with_a_root_of_their_own: frozenset[str],
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        self._post = post
        self._arguments = arguments
        self._roots = with_a_root_of_their_own
        self.schema: GraphQLSchema = build_client_schema(post(get_introspection_query())["data"])
        self.asked: set[str] = set()
        self.not_asked: set[str] = set()
        self.failing: set[str] = set(left_out)

    def answers(self) -> Iterator[str]:
        """The answers to one query for each root field, as they came."""
        query = self.schema.query_type
        assert query is not None
        for name in query.fields:
            yield from self.answer(name)

    def answer(self, name: str, **arguments: Any) -> Iterator[str]:
        """The answers to the query for one root field, perhaps with other arguments."""
        query = self.schema.query_type
        assert query is not None
        of = query.fields[name]
        self._arguments = {**self._arguments, **arguments}
        for _ in range(MOST_ROUNDS):
            built = self._root(name, of)
            if built is None:
                return
            text, fields = built
            answer = self._post(text)
            yield json.dumps(answer, ensure_ascii=False)
            errors = answer.get("errors")
            if not errors:
                self.asked |= fields
                return
            # One field that fails takes what holds it along: ask again without it.
            at = {_field_of(error, name) for error in errors}
            assert all(at) and not at <= self.failing, errors
            self.failing |= at
        raise AssertionError(f"{name} still fails without {sorted(self.failing)}")

    def _root(self, name: str, of: GraphQLField) -> tuple[str, set[str]] | None:
        arguments = self._given("Query", name, of)
        if arguments is None or f"Query.{name}" in self.failing:
            return None
        fields = {f"Query.{name}"}
        if is_leaf_type(get_named_type(of.type)):
            return f"{{ {name}{arguments} }}", fields
        inner = self._selections(of)
        expanded: set[str] = set()
        ahead = deque(inner)
        while ahead:
            selection = ahead.popleft()
            again = selection.of.name in expanded
            expanded.add(selection.of.name)
            for field_name, each in selection.of.fields.items():
                key = f"{selection.of.name}.{field_name}"
                if key in self.failing:
                    continue
                given = self._given(selection.of.name, field_name, each)
                if given is None:
                    continue
                if is_leaf_type(get_named_type(each.type)):
                    selection.leaves.append((field_name, given))
                    fields.add(key)
                elif not again:
                    below = self._selections(each)
                    selection.objects.append((field_name, given, below))
                    fields.add(key)
                    if any(one.of.name in self._roots for one in below):
                        expanded |= {one.of.name for one in below} & self._roots
                    ahead.extend(below)
        return f"{{ {name}{arguments} {{ __typename {' '.join(map(str, inner))} }} }}", fields

    def _selections(self, of: GraphQLField) -> list[Selection]:
        named = get_named_type(of.type)
        types = self.schema.get_possible_types(named) if is_abstract_type(named) else [named]
        return [Selection(each) for each in types]

    def _given(self, type_name: str, name: str, of: GraphQLField) -> str | None:
        """The arguments of a field as GraphQL writes them; None if one is required that nothing is known for."""
        given: list[str] = []
        for argument, definition in of.args.items():
            value = self._arguments.get(get_named_type(definition.type).name, self._arguments.get(argument))
            if value is not None:
                many = is_list_type(getattr(definition.type, "of_type", definition.type)) or is_list_type(
                    definition.type
                )
                given.append(f"{argument}: {_literal([value] if many and not isinstance(value, list) else value)}")
            elif is_required_argument(definition):
                self.not_asked.add(f"{type_name}.{name}")
                return None
        return f"({', '.join(given)})" if given else ""


def _field_of(error: dict[str, Any], root: str) -> str:
    """The field that failed, by its name in the query."""
    names = [part for part in error.get("path", []) if isinstance(part, str)]
    return names[-1].replace("_", ".", 1) if len(names) > 1 else f"Query.{root}"


class Name(str):
    """A value of an enumeration, which GraphQL writes without quotes."""

    __slots__ = ()


def _literal(value: Any) -> str:
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_literal(each)}' for name, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return json.dumps(value)
