#include "token/key.h"

#include <algorithm>
#include <cassert>

#include "token/key_impl.h"

namespace sluice::token {

std::string_view to_string(KeyError error) {
  switch (error) {
    case KeyError::kTooShort: return "shorter than the algorithm's hash (32, 48 or 64 bytes)";
    case KeyError::kPublished: return "a published example or one character repeated";
    case KeyError::kNotSymmetric: return "a public or private key where a secret is wanted";
    case KeyError::kMalformed: return "not readable";
    case KeyError::kWrongType: return "not a key of the algorithm's kind or curve";
    case KeyError::kWeak: return "too weak to be trusted";
  }
  return "invalid";
}

bool is_key_id(std::string_view id) {
  return id.size() <= kKeyIdBytesMax && std::ranges::all_of(id, [](char c) { return c >= 0x20 && c < 0x7f; });
}

Key::Key(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Key::Key(Key&&) noexcept = default;
Key& Key::operator=(Key&&) noexcept = default;
Key::Key(const Key&) = default;
Key& Key::operator=(const Key&) = default;
Key::~Key() = default;

Algorithm Key::algorithm() const {
  return impl_->algorithm;
}
const std::string& Key::key_id() const {
  return impl_->key_id;
}
bool Key::can_sign() const {
  return impl_->can_sign();
}

bool Key::verify(std::string_view signing_input, std::string_view signature) const {
  return impl_->verify(signing_input, signature);
}

std::string Key::sign(std::string_view signing_input) const {
  assert(can_sign());
  return impl_->sign(signing_input);
}

}  // namespace sluice::token
