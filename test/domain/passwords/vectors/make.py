"""Prints vectors of Python's tools, a JSON object a line: pip install django werkzeug passlib bcrypt==4.0.1 argon2-cffi."""

import hashlib
import json
from importlib.metadata import version

import argon2
import bcrypt
import django
import passlib
from django.conf import settings
from passlib import hash as passlib_hash
from werkzeug.security import generate_password_hash

settings.configure(
    PASSWORD_HASHERS=[
        f"django.contrib.auth.hashers.{name}PasswordHasher"
        for name in ("PBKDF2", "PBKDF2SHA1", "Argon2", "BCryptSHA256", "Scrypt", "MD5")
    ]
)
django.setup()
from django.contrib.auth.hashers import get_hasher  # noqa: E402

A = "old hash, new home"
B = "hälso-日本"
# Past the 72 bytes of bcrypt, which end inside a character.
LONG = "x" * 71 + "é and what nobody reads"
ONE = "1"
PAGE = "0123456789abcdef" * 256


def give(tool, password, text, **more):
    print(json.dumps({"password": password, "tool": tool, "hash": text, **more}, ensure_ascii=False))


dj = f"Django {django.get_version()}"
for name, password in [
    ("pbkdf2_sha256", LONG),
    ("pbkdf2_sha1", B),
    ("argon2", B),
    ("bcrypt_sha256", LONG),
    ("bcrypt_sha256", B),
    ("scrypt", A),
    ("md5", B),
]:
    hasher = get_hasher(name)
    if name.startswith("pbkdf2"):
        hasher.iterations = 20000
    if name.startswith("bcrypt"):
        hasher.rounds = 5
    give(dj, password, hasher.encode(password, hasher.salt()))
# Django 5 has dropped its salted SHA-1: what UnsaltedSHA1PasswordHasher's neighbour did, salt + password.
give("Django's SHA1PasswordHasher", B, "sha1$rY5cN1nq$" + hashlib.sha1(("rY5cN1nq" + B).encode()).hexdigest())

wz = f"Werkzeug {version('werkzeug')}"
for method, password in [("scrypt:4096:8:2", B), ("pbkdf2:sha1:3000", A), ("pbkdf2:sha512:3000", B), ("pbkdf2:sha256:1000", PAGE)]:
    give(wz, password, generate_password_hash(password, method=method))

pl = f"passlib {passlib.__version__}"
for name, password, options in [
    ("md5_crypt", A, {}),
    ("md5_crypt", PAGE, {}),
    ("apr_md5_crypt", B, {}),
    ("sha256_crypt", B, {"rounds": 1000}),
    ("sha256_crypt", ONE, {"rounds": 5000}),
    ("sha256_crypt", PAGE, {"rounds": 1000}),
    ("sha512_crypt", A, {"rounds": 7000}),
    ("sha512_crypt", LONG, {"rounds": 1001}),
    ("phpass", B, {"rounds": 7}),
    ("phpass", ONE, {"rounds": 8, "ident": "H"}),
    ("pbkdf2_sha1", B, {"rounds": 1000}),
    ("pbkdf2_sha256", A, {"rounds": 1000}),
    ("pbkdf2_sha512", PAGE, {"rounds": 1000}),
    ("atlassian_pbkdf2_sha1", B, {}),
    ("grub_pbkdf2_sha512", B, {"rounds": 1000}),
    ("cta_pbkdf2_sha1", B, {"rounds": 1000}),
    ("dlitz_pbkdf2_sha1", A, {"rounds": 1000}),
    ("dlitz_pbkdf2_sha1", A, {"rounds": 400}),
    ("ldap_pbkdf2_sha1", B, {"rounds": 1000}),
    ("ldap_pbkdf2_sha256", A, {"rounds": 1000}),
    ("ldap_pbkdf2_sha512", B, {"rounds": 1000}),
    ("scrypt", B, {"rounds": 10}),
    ("bcrypt_sha256", LONG, {"rounds": 4}),
    ("bcrypt_sha256", A, {"rounds": 5, "version": 1}),
    ("bcrypt", B, {"rounds": 5, "ident": "2a"}),
    ("bcrypt", LONG, {"rounds": 4, "ident": "2b", "truncate_error": False}),
    ("ldap_salted_sha1", A, {}),
    ("ldap_salted_sha256", B, {}),
    ("ldap_salted_sha512", B, {}),
    ("ldap_salted_md5", B, {}),
    ("ldap_sha1", A, {}),
    ("ldap_md5", B, {}),
    ("ldap_md5_crypt", A, {}),
    ("ldap_sha256_crypt", A, {"rounds": 1000}),
    ("ldap_bcrypt", B, {"rounds": 4}),
    ("mysql41", B, {}),
]:
    scheme = getattr(passlib_hash, name)
    give(f"{pl} {name}", password, (scheme.using(**options) if options else scheme).hash(password))
give(f"{pl} nthash", B, passlib_hash.nthash.hash(B), format="digest", params={"algorithm": "md4", "password_encoding": "utf16le"})
give(f"{pl} hex_md4", A, passlib_hash.hex_md4.hash(A), format="hex_md4")
give(f"{pl} hex_sha512", B, passlib_hash.hex_sha512.hash(B), format="hex_sha512")

bc = f"bcrypt {bcrypt.__version__}"
for prefix in (b"2a", b"2b"):
    give(bc, LONG, bcrypt.hashpw(LONG.encode()[:72], bcrypt.gensalt(4, prefix)).decode())
give(bc, PAGE, bcrypt.hashpw(PAGE.encode()[:72], bcrypt.gensalt(4)).decode())

ar = f"argon2-cffi {version('argon2-cffi')}"
for kind, version, password in [("I", 19, B), ("D", 19, A), ("D", 16, B), ("ID", 16, A), ("ID", 19, PAGE)]:
    give(
        ar,
        password,
        argon2.low_level.hash_secret(
            password.encode(), b"a salt of bytes!", 2, 256, 2, 24, getattr(argon2.low_level.Type, kind), version
        ).decode(),
    )
