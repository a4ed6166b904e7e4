"""The SDK's own mapper, applied to the plain messages of a run, gives the messages of a run with the same settings."""

import contextlib
import json
import logging
import pathlib
import tempfile

import pytest
from singer_sdk.mapper import PluginMapper
from test_standard import CONFIG, program

ORDERS = "orders,order_products,customers,products,brands,coupons"
MAPS = {
    "nothing": {},
    "flattened once": {"flattening_enabled": True, "flattening_max_depth": 1},
    "flattened twice": {"flattening_enabled": True, "flattening_max_depth": 2, "flattening_separator": "."},
    "flattened to nothing": {"flattening_enabled": True, "flattening_max_depth": 0},
    "short names": {"flattening_enabled": True, "flattening_max_depth": 3, "flattening_max_key_length": 30},
    "filtered": {
        "stream_maps": {
            "orders": {"__filter__": "status in ['Shipped', 'Completed'] or total_inc_tax >= 100"},
            "customers": {"__filter__": "'1' in email and not first_name.startswith('A')"},
            "products": {"__filter__": "1 < id and price < 50 and brand_id is not None"},
            "brands": {"__filter__": "custom_url['url'] != '/x/' and id not in [1, 2, 3]"},
            "coupons": {"__filter__": "False"},
        }
    },
    "renamed, hashed, dropped": {
        "stream_map_config": {"seed": "01AWZh7A6DzGm6iJZZ2T"},
        "stream_maps": {
            "orders": {"__alias__": "sales", "number": "id", "id": None, "__key_properties__": ["number"]},
            "customers": {"email": "md5(config['seed'] + self)", "mail": "sha256(email.strip().lower())", "last_name": "__NULL__"},
            "products": {"id": "id", "title": "name", "from": "'shop'", "label": "name + ' (' + str(id) + ')'", "__else__": None},
            "coupons": None,
        },
    },
    "mapped, then flattened": {
        "flattening_enabled": True,
        "flattening_max_depth": 1,
        "stream_maps": {
            "*s": {},
            "orders": {"bill": "billing_address", "town": "record['billing_address']['city']", "billing_address": None},
            "brands": {"id": "id", "custom_url": "custom_url", "__else__": "__NULL__"},
            "__else__": None,
        },
    },
}


def messages(settings):
    """What the program writes with these settings."""
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "config.json")
        config.write_text(json.dumps(CONFIG | settings))
        # str.splitlines would also split at characters inside values.
        return [json.loads(line) for line in program("--config", config, "--select", ORDERS).split("\n") if line]


@pytest.fixture(scope="module")
def plain():
    return messages({})


def mapped_by_the_sdk(plain, settings):
    """The SCHEMA and RECORD messages that the SDK makes of plain ones."""
    mapper, found = PluginMapper(plugin_config=json.loads(json.dumps(settings)), logger=logging.getLogger()), []
    for message in plain:
        if message["type"] == "SCHEMA":
            mapper.register_raw_stream_schema(message["stream"], message["schema"], message["key_properties"])
            for stream_map in mapper.stream_maps[message["stream"]]:
                if type(stream_map).__name__ != "RemoveRecordTransform":
                    found.append(
                        ("SCHEMA", stream_map.stream_alias, stream_map.transformed_schema["properties"], stream_map.transformed_key_properties)
                    )
        elif message["type"] == "RECORD":
            for stream_map in mapper.stream_maps[message["stream"]]:
                record = stream_map.transform(message["record"])
                if record is not None:
                    found.append(("RECORD", stream_map.stream_alias, record, None))
    return found


def without_null_objects(record, schema):
    """The SDK writes an object that is null under a name that its schema does not have; the tap writes its fields instead."""
    return {name: value for name, value in record.items() if name in schema and value is not None}


def comparable(value):
    """JSON text as what it says: the SDK writes other characters than ASCII as escapes."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        with contextlib.suppress(json.JSONDecodeError):
            return json.loads(value)
    return value


@pytest.mark.parametrize("name", MAPS)
def test_shapes_are_the_sdks(plain, name):
    settings = MAPS[name]
    wanted = mapped_by_the_sdk(plain, settings)
    ours = [message for message in messages(settings) if message["type"] in ("SCHEMA", "RECORD")]
    assert len(ours) == len(wanted) > 20
    schemas = {}
    for message, (kind, stream, content, key) in zip(ours, wanted):
        assert (message["type"], message["stream"]) == (kind, stream)
        if kind == "SCHEMA":
            schemas[stream] = properties = message["schema"]["properties"]
            assert message["key_properties"] == list(key or [])
            assert set(properties) == set(content)
            for field, schema in properties.items():
                # The SDK lets every field that a map names be null, and a constant is always text to it.
                kinds, sdks = ({*schema["type"]} if isinstance(schema["type"], list) else {schema["type"]} for schema in (schema, content[field]))
                assert kinds - {"null"} == sdks - {"null"}, (stream, field)
        else:
            record, of_sdk = (without_null_objects(record, schemas[stream]) for record in (message["record"], content))
            assert {field: comparable(value) for field, value in record.items()} == {field: comparable(value) for field, value in of_sdk.items()}
