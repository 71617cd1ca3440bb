# SPDX-License-Identifier: Apache-2.0
"""A catalogue as HealthDCAT-AP: one tree of nodes, written as JSON-LD and as Turtle. Adds no number of its own.

A node is a mapping of prefixed names to lists of values; a value is a literal, a reference, or a node (without ``@id``: a blank one).
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rempart.records.catalogue import CatalogueTold

PREFIXES = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dct": "http://purl.org/dc/terms/",
    "dqv": "http://www.w3.org/ns/dqv#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "healthdcatap": "http://healthdataportal.eu/ns/health#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_EHDS = "http://data.europa.eu/eli/reg/2025/327/oj"
_AUTHORITY = "http://publications.europa.eu/resource/authority/"
_COLUMNS = ("table", "variable", "type", "holds", "percent_of_persons", "codes", "p05", "p50", "p95", "first", "last")
Node = dict[str, Any]


def described(told: CatalogueTold, words: Mapping[str, Any], *, made: str, checks: Mapping[str, int]) -> Node:
    """The catalogue with its one dataset. ``words``: what the operator says; ``made``: an ISO day; ``checks``: of quality, by status."""
    dataset: Node = {
        "@id": words["identifier"],
        "@type": ["dcat:Dataset"],
        "dct:title": _texts(words["title"]),
        "dct:description": _texts(words["description"]),
        "dct:identifier": [_text(words["identifier"])],
        "dct:type": [_ref(f"{_AUTHORITY}dataset-type/STATISTICAL")],
        "dct:accessRights": [_ref(f"{_AUTHORITY}access-right/NON_PUBLIC")],
        "dct:modified": [_typed(made, "xsd:date")],
        "dct:spatial": [_ref(words["spatial"])],
        "dct:provenance": [{"@type": ["dct:ProvenanceStatement"], "rdfs:label": _texts(words["provenance"])}],
        "dct:publisher": [_agent(words, "publisher", type_=words["publisher.type"])],
        "dcatap:applicableLegislation": [_ref(_EHDS)],
        "dcat:theme": [_ref(f"{_AUTHORITY}data-theme/HEAL")],
        "dcat:keyword": [_text(word) for word in words["keywords"]],
        "dcat:contactPoint": [_contact(words, "contact")],
        "dcat:distribution": [_distribution(words["access"], None), _distribution(words["access"], "text/csv")],
        "healthdcatap:hdab": [_agent(words, "hdab")],
        "healthdcatap:healthCategory": [_ref(one) for one in words["categories"]],
        "healthdcatap:populationCoverage": _texts(words["coverage"]),
        "healthdcatap:numberOfRecords": _count(told.rows),
        "healthdcatap:numberOfUniqueIndividuals": _count(told.persons),
        "dqv:hasQualityAnnotation": [_label(told, words, checks)],
    }
    period = _period(told)
    whole = {**dataset, **({"dct:temporal": [period]} if period else {})}
    return {
        "@id": f"{words['identifier']}#catalogue",
        "@type": ["dcat:Catalog"],
        "dct:title": _texts(words["title"]),
        "dct:description": _texts(words["description"]),
        "dct:publisher": [_agent(words, "publisher", type_=words["publisher.type"])],
        "dcat:dataset": [{name: values for name, values in whole.items() if values}],
    }


def _label(told: CatalogueTold, words: Mapping[str, Any], checks: Mapping[str, int]) -> Node:
    """The quality and utility label of art. 78(3), a line a letter."""
    asked = checks["passed"] + checks["failed"]
    told_ = {
        "a": words["label.documentation"],
        "b": f"{checks['passed']} of {asked} checks passed",
        "c": words["label.maturity"],
        "d": f"{len(told.tables)} tables, {len(told.variables)} variables, {told.persons or 'few'} persons",
        "e": f"access in {words['label.access_days']} days, data in {words['label.provision_days']} days",
        "f": f"{words['label.modifications']}; snapshot {told.head}",
    }
    body = [_text(f"78(3)({letter}) {text}") for letter, text in told_.items()]
    return {"@type": ["dqv:QualityAnnotation"], "rdfs:comment": body}


def _period(told: CatalogueTold) -> Node:
    """From the first to the last month in which a table of care has enough persons."""
    first = min((one.first for one in told.variables if one.first), default="")
    last = max((one.last for one in told.variables if one.last), default="")
    if not first:
        return {}
    begins, ends = _typed(f"{first}-01", "xsd:date"), _typed(f"{last}-01", "xsd:date")
    return {"@type": ["dct:PeriodOfTime"], "dcat:startDate": [begins], "dcat:endDate": [ends]}


def _distribution(access: str, media: str | None) -> Node:
    kind = {"dcat:mediaType": [_ref(f"https://www.iana.org/assignments/media-types/{media}")]} if media else {}
    legal = {"dcatap:applicableLegislation": [_ref(_EHDS)]}
    return {"@type": ["dcat:Distribution"], "dcat:accessURL": [_ref(access)], **legal, **kind}


def _agent(words: Mapping[str, Any], who: str, *, type_: str = "") -> Node:
    agent: Node = {"@type": ["foaf:Agent"], "foaf:name": [_text(words[f"{who}.name"])]}
    agent["dcat:contactPoint"] = [_contact(words, who)]
    return {**agent, **({"dct:type": [_ref(type_)]} if type_ else {})}


def _contact(words: Mapping[str, Any], who: str) -> Node:
    mail = _ref(f"mailto:{words[f'{who}.email']}")
    return {"@type": ["vcard:Kind"], "vcard:fn": [_text(words[f"{who}.name"])], "vcard:hasEmail": [mail]}


def _count(number: int) -> list[Node]:
    return [_typed(str(number), "xsd:nonNegativeInteger")] if number else []


def _text(text: str) -> Node:
    return {"@value": text}


def _texts(texts: Mapping[str, str]) -> list[Node]:
    return [{"@value": text, "@language": language} for language, text in sorted(texts.items())]


def _typed(text: str, kind: str) -> Node:
    return {"@value": text, "@type": kind}


def _ref(iri: str) -> Node:
    return {"@id": iri}


def json_ld(node: Node) -> str:
    """The tree as JSON-LD."""
    return json.dumps({"@context": PREFIXES, **node}, ensure_ascii=False, indent=1) + "\n"


def turtle(node: Node) -> str:
    """The tree as Turtle."""
    lines = [f"@prefix {name}: <{iri}> ." for name, iri in PREFIXES.items()]
    return "\n".join([*lines, "", *_statements(node)]) + "\n"


def _statements(node: Node) -> Iterator[str]:
    """A named node and, after it, every named node that it holds."""
    inside = [one for values in node.values() if isinstance(values, list) for one in values if _is_named(one)]
    yield f"<{node['@id']}> {_body(node, 1)} ."
    for one in inside:
        yield ""
        yield from _statements(one)


def _is_named(value: object) -> bool:
    return isinstance(value, dict) and "@id" in value and "@type" in value


def _body(node: Node, depth: int) -> str:
    pairs = [f"a {', '.join(node['@type'])}"]
    pairs += [f"{name} {_objects(values, depth)}" for name, values in node.items() if not name.startswith("@")]
    return (" ;\n" + "  " * depth).join(pairs)


def _objects(values: Sequence[Node], depth: int) -> str:
    return ", ".join(_object(value, depth + 1) for value in values)


def _object(value: Node, depth: int) -> str:
    if "@value" in value:
        mark = f"@{value['@language']}" if "@language" in value else f"^^{value['@type']}" if "@type" in value else ""
        return json.dumps(value["@value"], ensure_ascii=False).replace("\x7f", "\\u007f") + mark
    return f"<{value['@id']}>" if "@id" in value else f"[ {_body(value, depth)} ]"


def variables_csv(told: CatalogueTold) -> str:
    """A line a variable; empty where nothing is told."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in told.variables:
        quantiles = [_number((one.quantiles or {}).get(name)) for name in ("p05", "p50", "p95")]
        codes = "" if one.codes is None else one.codes
        head = [one.table, one.column, one.type, one.holds, _number(one.percent), codes]
        writer.writerow([*head, *quantiles, one.first, one.last])
    return out.getvalue()


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
