#include "token/weak_keys.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "token/openssl.h"

namespace sluice::token {
namespace {

// 65537^k modulo `prime`, for some k?
bool is_power_of_65537(unsigned value, unsigned prime) {
  const unsigned generator = 65537 % prime;
  unsigned power = 1;
  do {
    if (power == value) return true;
    power = power * generator % prime;
  } while (power != 1);
  return false;
}

// The faulty generator made primes k*M + 65537^a mod M with M the product of the first primes, so a modulus is a power of
// 65537 modulo each of them (Nemec et al., "The Return of Coppersmith's Attack", section 2). The primes here are those
// that tell most; an honest modulus passes them all with a chance below 2^-25.
bool is_roca(const BIGNUM* modulus) {
  constexpr std::array<unsigned, 17> kPrimes = {11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157};
  return std::ranges::all_of(
      kPrimes, [&](unsigned prime) { return is_power_of_65537(static_cast<unsigned>(BN_mod_word(modulus, prime)), prime); });
}

// The field of Curve25519 and the Edwards curve over it: -x^2 + y^2 = 1 + d x^2 y^2.
class Edwards25519 {
 public:
  Edwards25519() : context_(BN_CTX_new()), prime_(BN_new()), d_(BN_new()) {
    if (!context_ || !prime_ || !d_) throw std::bad_alloc();
    check(BN_set_bit(prime_.get(), 255) && BN_sub_word(prime_.get(), 19));
    const BigNumber numerator = word(121665), denominator = word(121666);
    check(BN_sub(numerator.get(), prime_.get(), numerator.get()));
    d_ = quotient(numerator.get(), denominator.get());
  }

  // Is there a point with this y, other than those whose order divides 8?
  bool has_large_order(const BIGNUM* y) {
    if (BN_cmp(y, prime_.get()) >= 0) return false;  // not canonical
    BigNumber at(BN_dup(y));
    for (int doubling = 0; doubling < 3; ++doubling) {
      const BigNumber y2 = product(at.get(), at.get());
      const BigNumber x2 = x_squared(y2.get());
      if (BN_kronecker(x2.get(), prime_.get(), context_.get()) < 0) return false;  // no such point
      // y(2P) = (y^2 + x^2) / (2 - (y^2 - x^2))
      const BigNumber sum = word(0), rest = word(2);
      check(BN_mod_add(sum.get(), y2.get(), x2.get(), prime_.get(), context_.get()) &&
            BN_mod_sub(rest.get(), rest.get(), y2.get(), prime_.get(), context_.get()) &&
            BN_mod_add(rest.get(), rest.get(), x2.get(), prime_.get(), context_.get()));
      at = quotient(sum.get(), rest.get());
    }
    return !BN_is_one(at.get());  // 8P is not the neutral point (0, 1)
  }

 private:
  static void check(int done) {
    if (done == 0) throw std::bad_alloc();
  }
  static BigNumber word(BN_ULONG value) {
    BigNumber number(BN_new());
    check(number && BN_set_word(number.get(), value));
    return number;
  }
  BigNumber product(const BIGNUM* a, const BIGNUM* b) {
    BigNumber out = word(0);
    check(BN_mod_mul(out.get(), a, b, prime_.get(), context_.get()));
    return out;
  }
  // Denominators of the curve's formulas are never zero: d is no square.
  BigNumber quotient(const BIGNUM* a, const BIGNUM* b) {
    const BigNumber inverse(BN_mod_inverse(nullptr, b, prime_.get(), context_.get()));
    check(inverse != nullptr);
    return product(a, inverse.get());
  }
  // (y^2 - 1) / (d y^2 + 1)
  BigNumber x_squared(const BIGNUM* y2) {
    const BigNumber numerator = word(1), denominator = product(d_.get(), y2);
    check(BN_mod_sub(numerator.get(), y2, numerator.get(), prime_.get(), context_.get()) &&
          BN_add_word(denominator.get(), 1));
    return quotient(numerator.get(), denominator.get());
  }

  BigNumberContext context_;
  BigNumber prime_, d_;
};

}  // namespace

bool is_weak_rsa(const BIGNUM* modulus, const BIGNUM* exponent) {
  const int bits = BN_num_bits(modulus);
  if (bits < kRsaBitsMin || bits > kRsaBitsMax || !BN_is_odd(modulus)) return true;
  if (!BN_is_odd(exponent) || BN_is_one(exponent) || BN_num_bits(exponent) > kRsaExponentBitsMax) return true;
  return is_roca(modulus);
}

bool is_ed25519_public(std::string_view bytes) {
  if (bytes.size() != 32) return false;
  std::string little_endian(bytes);
  little_endian.back() = static_cast<char>(little_endian.back() & 0x7f);  // the sign of x
  const BigNumber y(BN_lebin2bn(bytes_of(little_endian), static_cast<int>(little_endian.size()), nullptr));
  if (!y) throw std::bad_alloc();
  return Edwards25519().has_large_order(y.get());
}

}  // namespace sluice::token
