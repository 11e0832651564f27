"""The parts by themselves: new tokens beside OpenSSL, decisions, covers, revocation checks."""
import harness


def tokens(options):
    times = harness.micro("verifier_bench", options, "^BM_(OpenSsl|Signature|Verifier)/")
    rows = []
    for name in times:
        if not name.startswith("BM_OpenSsl/"):
            continue
        algorithm = name.split("/")[1]
        (openssl_min, openssl, noise), (whole_min, whole, _) = (harness.spread(times[f"BM_{what}/{algorithm}"])
                                                              for what in ("OpenSsl", "Verifier"))
        signature = harness.spread(times[f"BM_Signature/{algorithm}"])[1]
        rows.append([algorithm, openssl_min / 1e3, openssl / 1e3, signature / 1e3, whole_min / 1e3, whole / 1e3, noise,
                     whole_min / openssl_min, (whole_min - openssl_min) / 1e3])
    harness.print_table("A new token, CPU us (OpenSSL: its bare verification of the same bytes; ratio and difference of the least)",
                        ["algorithm", "OpenSSL min", "median", "signature median", "whole min", "median", "noise", "ratio",
                         "added"], rows)


def rates(title, program, options, pattern=".", interleaved=True):
    rows = []
    for name, values in harness.micro(program, options, pattern, interleaved).items():
        least, middle, noise = harness.spread(values)
        rows.append([name, f"{least:,.1f}", f"{middle:,.1f}", noise, f"{1e9 / middle:,.0f}"])
    harness.print_table(title, ["case", "min ns", "median ns", "noise", "a second and core"], rows)


def run(options):
    tokens(options)
    rates("Decisions by rules, and remembered ones", "rules_bench", options)
    rates("Whether a grant covers a request; conditions over claims", "covers_bench", options)
    # Its cases add to one set, so they run in their order.
    rates("Whether a token is revoked, among so many revocations", "revocations_bench", options,
          "^BM_Check/(0|1|1000000)/real_time/threads:1$", interleaved=False)
