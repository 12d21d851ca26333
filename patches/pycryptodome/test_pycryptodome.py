import pytest
from Crypto.Cipher import AES, DES3, ChaCha20_Poly1305
from Crypto.Hash import HMAC, SHA3_256, SHA256, BLAKE2b
from Crypto.Math import Numbers
from Crypto.Protocol.KDF import scrypt
from Crypto.PublicKey import ECC, RSA
from Crypto.Signature import eddsa, pkcs1_15
from Crypto.Util import _raw_api


def test_side_modules_are_loaded_as_libraries():
    # By cffi where it is installed.
    assert _raw_api.backend in ("cffi", "ctypes")
    assert SHA256._raw_sha256_lib.SHA256_init


def test_known_digests():
    # FIPS 180-4, FIPS 202, RFC 7693, RFC 4231.
    assert SHA256.new(b"abc").hexdigest() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert SHA3_256.new(b"abc").hexdigest() == "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"
    assert BLAKE2b.new(digest_bits=512, data=b"abc").hexdigest().startswith("ba80a53f981c4d0d6a2797b69f12f6e9")
    code = HMAC.new(b"Jefe", b"what do ya want for nothing?", SHA256)
    assert code.hexdigest() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_known_ciphers():
    # FIPS 197, appendix C.1; test case 2 of the GCM specification.
    key, block = bytes(range(16)), bytes.fromhex("00112233445566778899aabbccddeeff")
    assert AES.new(key, AES.MODE_ECB).encrypt(block).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    text, tag = AES.new(bytes(16), AES.MODE_GCM, nonce=bytes(12)).encrypt_and_digest(bytes(16))
    assert (text.hex(), tag.hex()) == ("0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf")
    key = bytes(range(24))
    assert DES3.new(key, DES3.MODE_ECB).decrypt(DES3.new(key, DES3.MODE_ECB).encrypt(b"8 bytes!")) == b"8 bytes!"


def test_a_changed_text_is_refused():
    text, tag = ChaCha20_Poly1305.new(key=bytes(32), nonce=bytes(12)).encrypt_and_digest(b"attack at dawn")
    cipher = ChaCha20_Poly1305.new(key=bytes(32), nonce=bytes(12))
    with pytest.raises(ValueError):
        cipher.decrypt_and_verify(b"\x00" + text[1:], tag)


def test_key_derivation():
    # RFC 7914, section 12.
    assert scrypt("", "", 64, N=16, r=1, p=1).hex().startswith("77d6576238657b203b19ca42c18a0497")


def test_signatures():
    key = RSA.generate(1024)
    signature = pkcs1_15.new(key).sign(SHA256.new(b"text"))
    pkcs1_15.new(key.public_key()).verify(SHA256.new(b"text"), signature)
    with pytest.raises(ValueError):
        pkcs1_15.new(key.public_key()).verify(SHA256.new(b"other"), signature)
    # RFC 8032, 7.1, test 1.
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    signer = eddsa.new(ECC.construct(curve="Ed25519", seed=seed), "rfc8032")
    assert signer.sign(b"").hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")


def test_large_numbers():
    modulus = 2**521 - 1
    assert pow(Numbers.Integer(3), modulus - 1, modulus) == 1
