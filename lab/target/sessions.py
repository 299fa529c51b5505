"""The two boto3 sessions: one that reaches an emulator on this machine and nothing else, and the user's own for AWS."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

from lab.errors import LabError

DEFAULT_REGION = "us-east-1"
DEFAULT_ENDPOINT_URL = "http://127.0.0.1:4566"
# The compose service's name is how the notebook container reaches LocalStack; all others are this machine.
_LOCAL_HOSTS = frozenset({"127.0.0.1", "::1", "localhost", "localstack"})


class TargetError(LabError):
    """A target that does not exist, or cannot be used as it is set up."""


class ReachError(LabError):
    """A request of an emulator target was about to leave for another host. It was not sent."""


def check_endpoint_url(url: str) -> str:
    """Return ``url`` when it leads to this machine or to the compose service.

    Raises:
        TargetError: it does not.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname not in _LOCAL_HOSTS:
        raise TargetError(
            f"'{url}' is not an emulator on this machine.",
            cause="LAB_ENDPOINT_URL may name 127.0.0.1, localhost or the compose service 'localstack', so that a lab "
            "with dummy credentials can never talk to anybody else.",
            next_step=f"LAB_ENDPOINT_URL={DEFAULT_ENDPOINT_URL} lab status --target localstack",
        )
    return url


def emulator_session() -> boto3.Session:
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
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name=os.environ.get("LAB_REGION") or DEFAULT_REGION,
        botocore_session=core,
    )


def _refuse_other_hosts(request: AWSPreparedRequest, **_: Any) -> None:
    host = urlsplit(request.url).hostname
    if host not in _LOCAL_HOSTS:
        raise ReachError(
            f"A request to {host} was stopped before it left: this target stays on this machine.",
            next_step="lab status, and report how you came here",
        )


def aws_session() -> boto3.Session:
    """The session of the user's own set-up, with its region and its credentials.

    Raises:
        TargetError: there is no region, or there are no usable credentials.
    """
    # boto3 itself knows AWS_DEFAULT_REGION only; the other AWS tools read AWS_REGION first.
    try:
        session = boto3.Session(region_name=os.environ.get("LAB_REGION") or os.environ.get("AWS_REGION") or None)
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


def no_credentials(why: str) -> TargetError:
    """The error for credentials that are missing or cannot be used."""
    return TargetError(
        f"There are no usable AWS credentials ({why}).",
        cause="the target 'aws' uses your own identity: environment variables, a profile or single sign-on.",
        next_step="aws sso login, or export AWS_PROFILE=…, then: lab doctor --target aws",
    )
