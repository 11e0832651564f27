#include "http/message.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "http/syntax.h"

namespace sluice::http {

namespace {

constexpr std::size_t kUsualFields = 16;
constexpr std::size_t kUsualTextBytes = 512;

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::kGet: return "GET";
    case Method::kHead: return "HEAD";
    case Method::kPost: return "POST";
    case Method::kPut: return "PUT";
    case Method::kPatch: return "PATCH";
    case Method::kDelete: return "DELETE";
    case Method::kOptions: return "OPTIONS";
    case Method::kOther: break;
  }
  return "OTHER";
}

bool is_token(std::string_view text) {
  return !text.empty() && all_chars(text, kTokenChar);
}

bool is_field_value(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  if (!text.empty() && (is_space(text.front()) || is_space(text.back()))) return false;  // not part of the value
  return all_chars(text, kValueChar);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

void Fields::add(std::string_view name, std::string_view value) {
  const bool valid = is_token(name) && is_field_value(value);
  assert(valid && "a field that would split the message");
  if (!valid) return;
  // Grown once for a usual answer, and not field by field.
  if (entries_.size() == entries_.capacity()) entries_.reserve(std::max(kUsualFields, 2 * entries_.size()));
  const std::size_t needed = text_.size() + name.size() + value.size();
  if (needed > text_.capacity()) text_.reserve(std::max(kUsualTextBytes, 2 * needed));
  append(name, value);
}

void Fields::append(std::string_view name, std::string_view value) {
  const auto at = static_cast<std::uint32_t>(text_.size());
  const auto name_bytes = static_cast<std::uint32_t>(name.size());
  text_.append(name).append(value);
  entries_.push_back({at, name_bytes, at + name_bytes, static_cast<std::uint32_t>(value.size())});
}

void Fields::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

void Fields::add(const FixedFields& fixed) {
  copy_fixed();
  fixed_ = &fixed;
}

// So that they can be changed.
void Fields::copy_fixed() {
  const FixedFields* fixed = std::exchange(fixed_, nullptr);
  if (fixed == nullptr) return;
  for (std::size_t i = 0; i < fixed->fields().size(); ++i) {
    const Field field = fixed->fields().at(i);
    append(field.name, field.value);
  }
}

void Fields::remove(std::string_view name) {
  if (fixed_ != nullptr && fixed_->fields().count(name) > 0) copy_fixed();
  std::erase_if(entries_, [&](const Entry& entry) { return equal_ignoring_case(name_of(entry), name); });
}

void Fields::clear() {
  text_.clear();
  entries_.clear();
  fixed_ = nullptr;
}

std::size_t Fields::size() const {
  return entries_.size() + (fixed_ == nullptr ? 0 : fixed_->fields().size());
}

std::optional<std::string_view> Fields::get(std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (equal_ignoring_case(name_of(entry), name)) return value_of(entry);
  }
  return fixed_ == nullptr ? std::nullopt : fixed_->fields().get(name);
}

std::size_t Fields::count(std::string_view name) const {
  std::size_t n = fixed_ == nullptr ? 0 : fixed_->fields().count(name);
  for (const Entry& entry : entries_) n += equal_ignoring_case(name_of(entry), name);
  return n;
}

Fields::Field Fields::at(std::size_t i) const {
  if (i >= entries_.size()) return fixed_->fields().at(i - entries_.size());
  return {name_of(entries_[i]), value_of(entries_[i])};
}

std::string_view Fields::name_of(const Entry& entry) const {
  return std::string_view(text_).substr(entry.name_at, entry.name_bytes);
}

std::string_view Fields::value_of(const Entry& entry) const {
  return std::string_view(text_).substr(entry.value_at, entry.value_bytes);
}

FixedFields::FixedFields(std::initializer_list<Fields::Field> fields) {
  for (const Fields::Field& field : fields) {
    fields_.add(field.name, field.value);
    printed_.append(field.name).append(": ").append(field.value).append("\r\n");
  }
}

void Response::clear() {
  status = 200;
  fields.clear();
  buffers.clear();
  file.reset();
  stream.reset();
  stream_bytes.reset();
  close = false;
}

}  // namespace sluice::http
