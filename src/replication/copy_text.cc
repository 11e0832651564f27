#include "replication/copy_text.h"

namespace sluice::replication {
namespace {

// The escapes that COPY TO writes; any other character stands for itself.
char unescaped(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'v': return '\v';
    default: return c;
  }
}

// One field from `at`, which it moves to the tab that ends the field, or to the end.
class FieldReader {
 public:
  explicit FieldReader(std::span<char> line) : at_(line.data()), end_(line.data() + line.size()) {}

  bool at_end() const { return at_ == end_; }
  void skip_tab() { ++at_; }

  // False where the line ends within an escape.
  bool read(std::optional<std::string_view>& field) {
    char* const start = at_;
    while (at_ != end_ && *at_ != '\t' && *at_ != '\\') ++at_;
    if (at_ == end_ || *at_ == '\t') {
      field.emplace(start, static_cast<std::size_t>(at_ - start));
      return true;
    }
    return read_escaped(start, field);
  }

 private:
  bool read_escaped(char* const start, std::optional<std::string_view>& field) {
    if (is_null(start)) {
      at_ += 2;
      field.reset();
      return true;
    }
    char* out = at_;
    while (at_ != end_ && *at_ != '\t') {
      char c = *at_++;
      if (c == '\\') {
        if (at_ == end_) return false;
        c = unescaped(*at_++);
      }
      *out++ = c;
    }
    field.emplace(start, static_cast<std::size_t>(out - start));
    return true;
  }

  // A field that is \N and nothing else.
  bool is_null(const char* start) const {
    return at_ == start && end_ - at_ >= 2 && at_[1] == 'N' && (end_ - at_ == 2 || at_[2] == '\t');
  }

  char* at_;
  char* end_;
};

}  // namespace

std::optional<sql::Row> CopyTextDecoder::decode(std::span<char> line, std::size_t columns) {
  if (!line.empty() && line.back() == '\n') line = line.first(line.size() - 1);
  fields_.resize(columns);
  if (columns == 0) return line.empty() ? std::optional(sql::Row()) : std::nullopt;
  FieldReader reader(line);
  for (std::size_t i = 0; i < columns; ++i) {
    if (i > 0) {
      if (reader.at_end()) return std::nullopt;
      reader.skip_tab();
    }
    if (!reader.read(fields_[i])) return std::nullopt;
  }
  if (!reader.at_end()) return std::nullopt;
  return sql::Row(fields_);
}

}  // namespace sluice::replication
