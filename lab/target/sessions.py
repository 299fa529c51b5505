"""The two boto3 sessions: one that reaches an emulator on this machine and nothing else, and the user's own for AWS."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound
from botocore.loaders import Loader
from botocore.regions import EndpointResolver

from lab import variables
from lab.errors import UnavailableError, UsageError
from lab.target import reach

DEFAULT_REGION = "us-east-1"
DEFAULT_ENDPOINT_URL = "http://127.0.0.1:4566"


class TargetError(UsageError):
    """A target that does not exist, or cannot be used as it is set up."""


class CredentialsError(TargetError):
    """AWS does not know who asks."""

    exit_code = 3  # nothing that was typed is wrong


class ReachError(UnavailableError):
    """A request of an emulator target was about to leave for another host. It was not sent."""


@dataclass(frozen=True)
class Access:
    """How an emulator wants to be spoken to. LocalStack takes any keys, others have their own.

    Attributes:
        access_key, secret_key: its keys, never yours of AWS; both are kept out of texts.
        ca_bundle: a PEM file with the certificate that its https is signed with; None for those that everybody trusts.
    """

    access_key: str = field(default="test", repr=False)
    secret_key: str = field(default="test", repr=False)
    ca_bundle: Path | None = None


def check_access(access_key: str | None, secret_key: str | None, ca_bundle: Path | None) -> Access:
    """An emulator's ``Access`` from what a user gave.

    Raises:
        TargetError: one key without the other, or a file that holds no certificate.
    """
    if bool(access_key) != bool(secret_key):
        raise TargetError(
            f"There is {'an access' if access_key else 'a secret'} key without its other half.",
            next_step="export LAB_PROBE_ACCESS_KEY=… LAB_PROBE_SECRET_KEY=…, then the same command again",
        )
    if ca_bundle is not None:
        try:
            if "-----BEGIN CERTIFICATE-----" not in ca_bundle.read_text("ascii"):
                raise ValueError("it holds no certificate in PEM form")
            ssl.create_default_context(cafile=ca_bundle)
        except (OSError, ValueError) as error:
            raise TargetError(
                f"The certificates in {ca_bundle} cannot be used ({getattr(error, 'strerror', None) or error}).",
                next_step="--ca-bundle with the emulator's own certificate, a text file that begins with "
                "-----BEGIN CERTIFICATE-----",
            ) from None
    if access_key and secret_key:
        return Access(access_key, secret_key, ca_bundle)
    return Access(ca_bundle=ca_bundle)


def check_endpoint_url(url: str) -> str:
    """Return ``url`` when its host is a name of this machine or of the compose service.

    Where such a name leads is looked up at each request, see ``reach``.

    Raises:
        TargetError: it is not.
    """
    next_step = f"LAB_ENDPOINT_URL={DEFAULT_ENDPOINT_URL} lab status --target localstack"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - read, it is checked
    except ValueError as error:
        raise TargetError(f"'{url}' is no address of an emulator: {error}.", next_step=next_step) from None
    if parts.scheme not in ("http", "https") or not reach.is_known(parts.hostname):
        raise TargetError(
            f"'{url}' is not an emulator on this machine.",
            cause="LAB_ENDPOINT_URL may name 127.0.0.1, localhost, localhost.localstack.cloud, host.docker.internal or "
            "the compose service 'localstack', so that a lab with dummy credentials can never talk to anybody else.",
            next_step=next_step,
        )
    if parts.scheme == "https" and not reach.is_loopback(parts.hostname):
        raise TargetError(
            f"'{url}' cannot be used with https.",
            cause="the lab sends to the address that it looked up for this name, and a certificate names no address.",
            next_step=next_step,
        )
    return url


def emulator_session(access: Access = Access()) -> boto3.Session:
    """A session that reads nothing of the user's AWS set-up and cannot send anywhere but to this machine."""
    core = botocore.session.Session(
        session_vars={
            # name: (key in a file, environment variable, default, conversion)
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ca_bundle": (None, None, None, None),
        }
    )
    core.register("before-send", _refuse_other_hosts)
    return boto3.Session(
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        region_name=emulator_region(),
        botocore_session=core,
    )


def emulator_region() -> str:
    """The region of an emulator's lab: ``LAB_REGION``, or us-east-1.

    Raises:
        TargetError: an emulator has no such region; half of its services would take it all the same.
    """
    region: str = variables.value("LAB_REGION") or DEFAULT_REGION
    # By botocore's own file; a session would look into the user's set-up for more.
    endpoints = {} if region == DEFAULT_REGION else Loader().load_data("endpoints")
    if endpoints and region not in EndpointResolver(endpoints).get_available_endpoints("sqs", "aws"):
        raise TargetError(
            f"LAB_REGION is '{region}', and an emulator has no such region.",
            next_step=f"unset LAB_REGION, or for example: export LAB_REGION={DEFAULT_REGION}",
        )
    return region


def _refuse_other_hosts(request: AWSPreparedRequest, **_: Any) -> None:
    """Stop what would leave this machine; send what names it to the very address that was looked up and checked."""
    parts = urlsplit(request.url)
    host = parts.hostname or ""
    if reach.is_loopback(host):
        return
    address = reach.address_of(host) if parts.scheme == "http" else None
    if address is None:
        known = reach.is_known(host)
        raise ReachError(
            f"A request to {host} was stopped before it left: this target stays on this machine.",
            cause="that name does not lead to this machine here." if known else "",
            next_step=f"LAB_ENDPOINT_URL={DEFAULT_ENDPOINT_URL} lab status --target localstack"
            if known
            else "lab status, and report how you came here",
        )
    request.headers["Host"] = parts.netloc
    bracketed = f"[{address}]" if ":" in address else address
    request.url = parts._replace(netloc=bracketed + (f":{parts.port}" if parts.port else "")).geturl()


def aws_session() -> boto3.Session:
    """The session of the user's own set-up, with its region and its credentials.

    Raises:
        TargetError: there is no region, or there are no usable credentials.
    """
    # boto3 itself knows AWS_DEFAULT_REGION only; the other AWS tools read AWS_REGION first.
    try:
        session = boto3.Session(region_name=variables.value("LAB_REGION") or variables.value("AWS_REGION"))
    except ProfileNotFound as error:
        raise no_credentials(str(error)) from error
    if session.region_name is None:
        raise TargetError(
            "No AWS region is set.",
            next_step="export AWS_REGION=us-east-1, or the region you want to use",
        )
    try:
        credentials = session.get_credentials()
    except (BotoCoreError, ClientError) as error:
        raise no_credentials(type(error).__name__) from error
    if credentials is None:
        raise no_credentials("none were found")
    return session


def no_credentials(why: str) -> CredentialsError:
    """The error for credentials that are missing or cannot be used."""
    return CredentialsError(
        f"There are no usable AWS credentials ({why}).",
        cause="the target 'aws' uses your own identity: environment variables, a profile or single sign-on.",
        next_step="aws sso login, or export AWS_PROFILE=…, then: lab doctor --target aws",
    )
