"""libsodium, a part of PyNaCl's extension module: answers known from RFCs, the same as hashlib's, and forgeries."""

import hashlib

import _cffi_backend
import nacl._sodium
import nacl.hash
import nacl.secret
import nacl.utils
import pytest
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as aead_decrypt
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as aead_encrypt
from nacl.bindings import crypto_scalarmult, sodium_increment, sodium_pad, sodium_unpad
from nacl.encoding import RawEncoder
from nacl.exceptions import BadSignatureError, CryptoError, InvalidkeyError
from nacl.public import Box, PrivateKey, SealedBox
from nacl.pwhash import argon2id, scrypt
from nacl.signing import SigningKey

# RFC 8032, section 7.1, test 2.
SEED = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
SIGNATURE = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
# RFC 7748, section 5.2, the first one.
SCALAR = "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"
COORDINATE = "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"
PRODUCT = "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"


def changed(data, index=0):
    """Return the bytes with one bit changed."""
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]


def test_compiled_module_is_in_use():
    assert nacl._sodium.__file__.endswith(".so")
    assert isinstance(nacl._sodium.ffi, _cffi_backend.FFI)


def test_signature():
    key = SigningKey(bytes.fromhex(SEED))
    signed = key.sign(b"\x72")
    assert key.verify_key.encode().hex() == PUBLIC
    assert signed.signature.hex() == SIGNATURE
    assert key.verify_key.verify(signed) == b"\x72"
    with pytest.raises(BadSignatureError):
        key.verify_key.verify(b"\x72", changed(signed.signature, 40))


def test_scalar_multiplication():
    assert crypto_scalarmult(bytes.fromhex(SCALAR), bytes.fromhex(COORDINATE)).hex() == PRODUCT


def test_boxes():
    one, other = PrivateKey.generate(), PrivateKey.generate()
    sealed = Box(one, other.public_key).encrypt(b"a message")
    assert Box(other, one.public_key).decrypt(sealed) == b"a message"
    with pytest.raises(CryptoError):
        Box(other, one.public_key).decrypt(changed(sealed, 30))
    anonymous = SealedBox(other.public_key).encrypt(b"nobody's")
    assert SealedBox(other).decrypt(anonymous) == b"nobody's"
    with pytest.raises(CryptoError):
        SealedBox(one).decrypt(anonymous)


def test_secret_box():
    box = nacl.secret.SecretBox(bytes(range(32)))
    nonce = bytes(24)
    assert box.decrypt(box.encrypt(b"x" * 5000, nonce)) == b"x" * 5000
    assert box.encrypt(b"same", nonce) == box.encrypt(b"same", nonce)
    assert box.encrypt(b"same") != box.encrypt(b"same")


def test_authenticated_data():
    key, nonce = bytes(range(32)), bytes(24)
    cipher = aead_encrypt(b"text", b"header", nonce, key)
    assert aead_decrypt(cipher, b"header", nonce, key) == b"text"
    with pytest.raises(CryptoError):
        aead_decrypt(cipher, b"Header", nonce, key)


def test_hashes():
    data = bytes(range(256)) * 40
    assert nacl.hash.sha512(data, RawEncoder) == hashlib.sha512(data).digest()
    assert nacl.hash.sha256(data, RawEncoder) == hashlib.sha256(data).digest()
    mine = nacl.hash.blake2b(data, digest_size=20, key=b"k" * 16, encoder=RawEncoder)
    assert mine == hashlib.blake2b(data, digest_size=20, key=b"k" * 16).digest()


def test_keys_of_passwords():
    salt = b"salt" * 8
    # These limits are n = 1024, r = 8, p = 1 for scrypt.
    key = scrypt.kdf(32, b"password", salt, opslimit=32768, memlimit=2**20)
    assert key == hashlib.scrypt(b"password", salt=salt, n=1024, r=8, p=1, dklen=32)
    stored = argon2id.str(b"password", opslimit=1, memlimit=8192)
    assert stored.startswith(b"$argon2id$v=19$m=8,t=1,p=1$")
    assert argon2id.verify(stored, b"password")
    with pytest.raises(InvalidkeyError):
        argon2id.verify(stored, b"Password")


def test_random_bytes():
    assert len(nacl.utils.random(64)) == 64
    assert nacl.utils.random(64) != nacl.utils.random(64)
    assert nacl.utils.randombytes_deterministic(16, bytes(32)) == nacl.utils.randombytes_deterministic(16, bytes(32))


def test_numbers_and_padding():
    assert sodium_increment(b"\xff\x00") == b"\x00\x01"
    assert sodium_unpad(sodium_pad(b"abc", 16), 16) == b"abc"
    assert len(sodium_pad(b"x" * 16, 16)) == 32
