"""What a connection to a bucket consists of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from connections.adapters import PRIVATE_ADDRESS, ConfigValue, ConnectionField, ConnectionKind, SecretField, Step
from connections.models import Connection
from connections.s3 import names, steps
from connections.s3.client import AMBIENT, DEFAULT_REGION, KEYS, ROLE
from exportadmin.lib.errors import UserError


class BucketConnection(ConnectionKind):
    """Of a bucket of Amazon S3, or of a store that speaks its language."""

    connection_fields = (
        ConnectionField("bucket", "Bucket", "its name, such as team-exports", is_required=True, parse=names.bucket),
        ConnectionField(
            "prefix", "Prefix", "what all folders begin with, such as exports/; empty: any", parse=names.prefix
        ),
        ConnectionField("region", "Region", "such as eu-central-1", default=DEFAULT_REGION, parse=names.region),
        ConnectionField(
            "endpoint", "Endpoint", "https://… of a store that is not Amazon's; empty: Amazon S3", parse=names.endpoint
        ),
        ConnectionField(
            "path_style", "Path style", "the bucket stands in the path, as most other stores want it", default=False
        ),
        ConnectionField(
            "credentials",
            "Credentials",
            "who we are to the store",
            default=KEYS,
            choices=(
                (KEYS, "Access key and secret"),
                (ROLE, "A role that is assumed with them, or with this machine's own credentials"),
                (AMBIENT, "This machine's own credentials"),
            ),
        ),
        ConnectionField("role_arn", "Role", "arn:aws:iam::123456789012:role/exports", parse=names.role),
        ConnectionField("external_id", "External id", "what the role's trust policy asks for", parse=names.external_id),
        ConnectionField(
            "expected_bucket_owner",
            "Bucket owner",
            "twelve digits of the account that the bucket has to belong to; empty: any",
            parse=names.account,
        ),
        ConnectionField(
            "encryption",
            "Encryption",
            "how the store encrypts what it keeps",
            default="none",
            choices=(("none", "As the bucket says"), ("AES256", "With keys of S3"), ("aws:kms", "With a key of KMS")),
        ),
        ConnectionField("kms_key_id", "KMS key", "its id or ARN; empty: the account's own for S3", parse=names.kms_key),
        ConnectionField(
            "storage_class",
            "Storage class",
            "where S3 keeps it",
            choices=(
                ("", "As the bucket says"),
                ("STANDARD", "Standard"),
                ("STANDARD_IA", "Standard, infrequent access"),
                ("ONEZONE_IA", "One zone, infrequent access"),
                ("INTELLIGENT_TIERING", "Intelligent tiering"),
                ("GLACIER_IR", "Glacier, instant retrieval"),
            ),
        ),
        ConnectionField("tags", "Tags", "of every object: team=vision, stage=raw", parse=names.tags),
        ConnectionField(
            "presigned_downloads",
            "Downloads from the store itself",
            "who downloads is sent on to the store, with an address that is good for a minute; the trail then says "
            "handed over, as nobody here sees how it ends",
            default=False,
        ),
        ConnectionField(
            "overwrite_guard",
            "No overwriting",
            "how it is made sure that nothing is written over",
            default="condition",
            choices=(
                ("condition", "The store itself refuses (If-None-Match); one that does not is not delivered to"),
                ("look", "Look first: for stores without conditional writes"),
            ),
        ),
        ConnectionField(
            PRIVATE_ADDRESS,
            "Private address",
            "host:port of an endpoint within your own network; empty: public addresses only",
            parse=names.private_address,
            warning="Whoever may use this connection then reaches that address from this machine.",
        ),
    )
    place_fields = ("bucket",)
    connection_secrets = (
        SecretField("access_key_id", "Access key id", "such as AKIA…", parse=names.secret),
        SecretField("secret_access_key", "Secret access key", "what belongs to it", parse=names.secret),
    )

    @classmethod
    def check_connection(cls, config: Mapping[str, ConfigValue], secrets: Collection[str]) -> None:
        mode = config.get("credentials", KEYS)
        both = ("access_key_id", "secret_access_key")
        if mode == KEYS:
            for name in both:
                if name not in secrets:
                    raise UserError(f"{name} is not set: credentials are an access key", field=f"secrets.{name}")
        elif len(set(both) & set(secrets)) == 1:
            raise UserError("set both access_key_id and secret_access_key, or neither", field="secrets.access_key_id")
        if mode == ROLE and not config.get("role_arn"):
            raise UserError("role_arn is missing: credentials are a role", field="config.role_arn")
        if mode != ROLE and (config.get("role_arn") or config.get("external_id")):
            raise UserError("role_arn and external_id are for credentials = role", field="config.credentials")
        if config.get("kms_key_id") and config.get("encryption") != "aws:kms":
            raise UserError("kms_key_id is for encryption = aws:kms", field="config.encryption")

    @classmethod
    def test(cls, connection: Connection) -> Iterator[Step]:
        yield from steps.run(connection)
