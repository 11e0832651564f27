#include "token/ecdsa_signature.h"

#include <openssl/ec.h>

#include <algorithm>

#include "token/openssl.h"

namespace sluice::token {
namespace {

using Signature = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;

// 0 < number < order. Both big-endian and of one length, so that bytes compare as numbers do. Signatures are public: nothing
// here needs constant time.
bool in_range(std::string_view number, std::string_view order) {
  return number.find_first_not_of('\0') != std::string_view::npos && number < order;
}

// An ASN.1 INTEGER: no leading zeros, but one where the number would else be negative. Precondition: not zero.
unsigned char* append_integer(unsigned char* out, std::string_view number) {
  number.remove_prefix(number.find_first_not_of('\0'));
  const bool high = (static_cast<unsigned char>(number[0]) & 0x80) != 0;
  *out++ = 0x02;
  *out++ = static_cast<unsigned char>(number.size() + high);
  if (high) *out++ = 0;
  return std::ranges::copy(number, out).out;
}

}  // namespace

std::optional<EcdsaDer> ecdsa_to_der(std::string_view signature, std::string_view order) {
  if (signature.size() != 2 * order.size()) return std::nullopt;
  const std::string_view r = signature.substr(0, order.size());
  const std::string_view s = signature.substr(order.size());
  if (!in_range(r, order) || !in_range(s, order)) return std::nullopt;

  std::array<unsigned char, 2 * (2 + 1 + kCoordinateBytesMax)> numbers;
  const unsigned char* end = append_integer(append_integer(numbers.data(), r), s);
  const auto size = static_cast<std::size_t>(end - numbers.data());
  EcdsaDer der;
  unsigned char* out = der.bytes.data();
  *out++ = 0x30;
  if (size > 127) *out++ = 0x81;  // the long form of a length
  *out++ = static_cast<unsigned char>(size);
  out = std::copy_n(numbers.data(), size, out);
  der.size = static_cast<std::size_t>(out - der.bytes.data());
  return der;
}

std::string ecdsa_from_der(std::string_view der, std::size_t coordinate_bytes) {
  const unsigned char* at = bytes_of(der);
  const Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!signature) return "";
  std::string out(2 * coordinate_bytes, '\0');
  const auto width = static_cast<int>(coordinate_bytes);
  const bool fits = BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), bytes_of(out.data()), width) == width &&
                    BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), bytes_of(out.data()) + width, width) == width;
  return fits ? out : "";
}

}  // namespace sluice::token
