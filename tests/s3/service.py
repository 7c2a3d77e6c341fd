#!/usr/bin/env python3
"""What tests/s3/test.sh asks of the service itself, past Tenantry: buckets, keys, and what is stored."""

import json
import os
import sys
import urllib.request

import boto3
from botocore.config import Config

URL, BUCKET = os.environ["S3_URL"], "acme-backups"
EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
)


def client(service, key="any", secret="any"):
    return boto3.client(
        service,
        endpoint_url=URL,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


def check_signatures(of):
    """After `of` more requests what is not signed by a key that the service knows is refused."""
    request = urllib.request.Request(f"{URL}/moto-api/reset-auth", data=str(of).encode(), headers={"Content-Type": "text/plain"})
    urllib.request.urlopen(request).read()


def prepare():
    """A user who may do everything with buckets; prints its key and secret."""
    iam = client("iam")
    iam.create_user(UserName="backups")
    iam.put_user_policy(UserName="backups", PolicyName="buckets", PolicyDocument=EVERYTHING)
    made = iam.create_access_key(UserName="backups")["AccessKey"]
    check_signatures(0)
    print(made["AccessKeyId"], made["SecretAccessKey"])


def trust():
    """From now on nothing is checked: the service takes a name with a slash that is asked for in a list for another one."""
    check_signatures("inf")


def s3():
    return client("s3", os.environ["S3_KEY"], os.environ["S3_SECRET"])


def make_bucket():
    s3().create_bucket(Bucket=BUCKET)


def names():
    """Names of all objects, and in how many parts each was sent."""
    pages = s3().get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    for page in pages:
        for item in page.get("Contents", []):
            print(item["Key"], item["ETag"].strip('"').partition("-")[2] or 1)
    for upload in s3().list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
        print("unfinished", upload["Key"])


{"prepare": prepare, "make-bucket": make_bucket, "trust": trust, "names": names}[sys.argv[1]]()
