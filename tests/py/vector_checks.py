"""Checks of the golden vectors, one function a group: run by pytest and inside the browser.

Each takes a parsed vector file and returns how many cases it compared; it raises on the first
that differs. Only the standard library, numpy and petal are imported, so Pyodide runs this too.
"""

import hashlib
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from petal import crypto, mask, wire
from petal import round as round_
from petal.mask.sampling import Sampler

unhex = bytes.fromhex


def config_of(case: dict) -> mask.MaskConfig:
    return mask.MaskConfig.parse("/".join(case[k] for k in ("group", "data", "bound", "model")))


def equal(got: object, want: object, what: str) -> None:
    if got != want:
        raise AssertionError(f"{what}: got {got!r:.200}, want {want!r:.200}")


def check_sign_keypairs(crypto_json: dict) -> int:
    for case in crypto_json["sign_keypairs"]:
        keys = crypto.SigningKeyPair.from_seed(unhex(case["seed"]))
        message, signature = unhex(case["message"]), unhex(case["signature"])
        equal(keys.public, unhex(case["public"]), "public key")
        equal(keys.sign(message), signature, "signature")
        crypto.verify(keys.public, message, signature)
    return len(crypto_json["sign_keypairs"])


def check_encrypt_keypairs(crypto_json: dict) -> int:
    for case in crypto_json["encrypt_keypairs"]:
        keys = crypto.EncryptionKeyPair.from_seed(unhex(case["seed"]))
        equal((keys.public, keys.secret), (unhex(case["public"]), unhex(case["secret"])), "pair")
    return len(crypto_json["encrypt_keypairs"])


def check_sealed(crypto_json: dict) -> int:
    for case in crypto_json["sealed"]:
        keys = crypto.EncryptionKeyPair.from_secret(unhex(case["secret"]))
        plaintext = unhex(case["plaintext"])
        equal(keys.open(unhex(case["ciphertext"])), plaintext, "opened box")
        equal(keys.open(crypto.seal(keys.public, plaintext)), plaintext, "own box")
    return len(crypto_json["sealed"])


def check_eligibility(crypto_json: dict) -> int:
    for case in crypto_json["eligibility"]:
        threshold = float.fromhex(case["threshold"])
        got = round_.eligible(unhex(case["signature"]), threshold)
        equal(got, case["eligible"], f"eligible at {threshold}")
    return len(crypto_json["eligibility"])


def check_round_seeds(crypto_json: dict) -> int:
    for case in crypto_json["round_seed"]:
        got = round_.next_round_seed(
            unhex(case["encrypt_secret"]), unhex(case["seed"]), case["sum"], case["update"]
        )
        equal(got.hex(), case["next_seed"], "next round seed")
    return len(crypto_json["round_seed"])


def check_prng(crypto_json: dict) -> int:
    for case in crypto_json["prng"]:
        sampler = Sampler(unhex(case["seed"]))
        for want in case["draws"]:
            got = mask.group.to_ints(sampler.draw(int(case["max_int"]), 1))[0]
            equal(got, int(want), f"draw below {case['max_int']}")
        together = Sampler(unhex(case["seed"])).draw(int(case["max_int"]), len(case["draws"]))
        equal(mask.group.to_ints(together), [int(d) for d in case["draws"]], "draws at once")
    return len(crypto_json["prng"])


def check_short_masks(masks_json: dict) -> int:
    for case in masks_json["short"]:
        config = config_of(case)
        equal(config.order, int(case["order"]), f"order of {config}")
        equal(config.bytes_per_number, case["bytes_per_number"], f"size of {config}")
        got = mask.derive_mask(unhex(case["seed"]), case["length"], config)
        equal(got.unit, int(case["unit"]), f"unit of {config}")
        equal(got.vect, [int(v) for v in case["vect"]], f"mask of {config}")
    return len(masks_json["short"])


def check_long_masks(masks_json: dict) -> int:
    for case in masks_json["long"]:
        got = mask.derive_mask(unhex(case["seed"]), case["length"], config_of(case))
        digest = hashlib.sha256(got.to_bytes()).hexdigest()
        equal(digest, case["sha256_of_mask_object"], f"long mask of {config_of(case)}")
    return len(masks_json["long"])


def check_masking(masking_json: dict) -> int:
    for case in masking_json["cases"]:
        _check_masking_case(case)
    return len(masking_json["cases"])


def _check_masking_case(case: dict) -> None:
    config = config_of(case)
    number = float.fromhex if config.data.is_float else int
    models = mask.Aggregation(config, len(case["models"][0]["weights"]))
    for model in case["models"]:
        weights = np.array([number(w) for w in model["weights"]], config.data.dtype)
        seed, scalar = unhex(model["seed"]), Fraction(model["scalar"])
        _, masked = mask.Masker(config, seed).mask(weights, scalar)
        equal(masked.to_bytes().hex(), model["masked_object"], f"masked object of {config}")
        again = mask.MaskObject.from_bytes(unhex(model["masked_object"]))
        equal(again, masked, f"masked object read back, {config}")
        models.validate(again)
        models.add(again)
    seeds = [unhex(model["seed"]) for model in case["models"]]
    total = mask.sum_masks(seeds, len(models), config)
    equal(models.object().to_bytes().hex(), case["aggregated_masked_object"], f"sum, {config}")
    equal(total.to_bytes().hex(), case["aggregated_mask_object"], f"mask sum, {config}")
    exact = models.unmask_exact(total)
    rounded = [float(w) if config.data.is_float else int(w) for w in exact]
    want = [number(w) for w in case["global_model"]]
    equal(rounded, want, f"exact global model of {config}")
    equal(models.unmask(total).tolist(), _in_type(want, config), f"global model of {config}")


def _in_type(numbers: list, config: mask.MaskConfig) -> list:
    """The numbers in the data type; a mean just past an integer type's end becomes its end."""
    if config.data.is_float:
        return np.array(numbers, config.data.dtype).tolist()
    limits = np.iinfo(config.data.dtype)
    return [min(max(number, int(limits.min)), int(limits.max)) for number in numbers]


CRYPTO: list[Callable[[dict], int]] = [
    check_sign_keypairs,
    check_encrypt_keypairs,
    check_sealed,
    check_eligibility,
    check_round_seeds,
    check_prng,
]
MASKS = [check_short_masks, check_long_masks]
MASKING = [check_masking]


def check_messages(wire_json: dict) -> int:
    keys = crypto.SigningKeyPair.from_seed(unhex(wire_json["participant"]["seed"]))
    coordinator = unhex(wire_json["coordinator"]["public"])
    for case in wire_json["messages"].values():
        tag, payload, signed = wire.Tag(case["tag"]), unhex(case["payload"]), unhex(case["message"])
        equal(wire.sign_message(keys, coordinator, tag, payload), signed, f"{tag.name} message")
        message = wire.Message.from_bytes(signed)
        message.verify()
        equal((message.tag, message.multipart), (tag, False), "tag and flag")
        equal(wire.parse_payload(tag, message.payload).to_bytes(), payload, f"{tag.name} payload")
    return len(wire_json["messages"])


def check_payload_fields(wire_json: dict) -> int:
    seeds = {
        unhex(entry["sum_pk"]): unhex(entry["encrypted_seed"])
        for entry in wire_json["local_seed_dict"]
    }
    for_sum, for_update = unhex(wire_json["sum_signature"]), unhex(wire_json["update_signature"])
    masked = mask.MaskObject.from_bytes(unhex(wire_json["mask_object"]))
    payloads = {
        "sum": wire.SumPayload(for_sum, unhex(wire_json["ephemeral_pk"])),
        "update": wire.UpdatePayload(for_sum, for_update, masked, seeds),
        "sum2": wire.Sum2Payload(for_sum, masked),
    }
    for name, payload in payloads.items():
        equal(payload.to_bytes().hex(), wire_json["messages"][name]["payload"], f"{name} payload")
    return len(payloads)


def check_multipart(wire_json: dict) -> int:
    keys = crypto.SigningKeyPair.from_seed(unhex(wire_json["participant"]["seed"]))
    coordinator = crypto.EncryptionKeyPair.from_seed(unhex(wire_json["coordinator"]["seed"]))
    for case in wire_json["multipart"]:
        payload = unhex(wire_json["messages"][case["of"]]["payload"])
        parts = [unhex(message) for message in case["messages"]]
        assembler, whole = wire.Assembler(len(payload)), None
        for signed in parts:
            message = wire.Message.from_bytes(signed)
            message.verify()
            chunk = wire.Chunk.from_bytes(message.payload)
            equal((message.multipart, chunk.message_id), (True, case["message_id"]), "chunk header")
            again = wire.sign_message(
                keys, coordinator.public, wire.Tag(case["tag"]), chunk.to_bytes(), True
            )
            equal(again, signed, "chunk")
            whole = assembler.add(chunk)
        equal(whole, payload, "reassembled payload")
        if len(parts) > 1:
            size = case["chunk_data_size"] + wire.MIN_MESSAGE_SIZE - 1
            upload = wire.Upload(
                keys,
                coordinator.public,
                wire.Tag(case["tag"]),
                payload,
                max_message_size=size,
                message_id=case["message_id"],
            )
            opened = [coordinator.open(upload.sealed(i)) for i in range(len(upload))]
            equal(opened, parts, "upload")
    return len(wire_json["multipart"])


def check_rest(wire_json: dict) -> int:
    rest = wire_json["rest"]
    for name in ("params", "params_b"):
        case = rest[name]
        params = round_.RoundParameters(
            unhex(case["pk"]),
            case["sum"],
            case["update"],
            unhex(case["seed"]),
            mask.MaskConfigPair(*(mask.MaskConfig.parse(case[k]) for k in ("vect", "unit"))),
            case["model_length"],
        )
        equal(wire.encode_params(params).hex(), case["bincode"], name)
        equal(wire.decode_params(unhex(case["bincode"])), params, name)
    for name, size in (("sums", crypto.KEY_SIZE), ("seeds", wire.SEALED_SEED_SIZE)):
        entries = {unhex(key): unhex(value) for key, value in rest[name]["entries"]}
        equal(wire.encode_dictionary(entries).hex(), rest[name]["bincode"], name)
        equal(wire.decode_dictionary(unhex(rest[name]["bincode"]), size), entries, name)
    weights = [Fraction(weight) for weight in rest["model"]["weights"]]
    equal(wire.encode_model(weights).hex(), rest["model"]["bincode"], "model")
    equal(wire.decode_model(unhex(rest["model"]["bincode"])), weights, "model")
    return len(rest)


WIRE = [check_messages, check_payload_fields, check_multipart, check_rest]
