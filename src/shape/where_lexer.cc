#include "shape/where_lexer.h"

#include <algorithm>
#include <charconv>

#include "shape/definition.h"
#include "shape/identifier.h"
#include "shape/keywords.h"

namespace sluice::shape {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_word_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_word(char c) {
  return is_word_start(c) || is_digit(c) || c == '$';
}
bool is_operator(char c) {
  return std::string_view("~!@#^&|`?+-*/%<>=").find(c) != std::string_view::npos;
}
char fold(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string folded(std::string_view word) {
  std::string out(word);
  std::ranges::transform(out, out.begin(), fold);
  return out;
}

// Each read_…() consumes one token at at_ and returns false, with error_ set, where it cannot.
class Lexer {
 public:
  explicit Lexer(std::string_view where) : where_(where) {}

  std::expected<std::vector<Token>, std::string> run() {
    tokens_.reserve(where_.size() / 4);
    while (skip_blank() && at_ < where_.size())
      if (!read_token()) break;
    if (!error_.empty()) return std::unexpected(std::move(error_));
    return std::move(tokens_);
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < where_.size() ? where_[at_ + ahead] : '\0'; }
  bool starts(std::string_view text) const { return where_.substr(at_).starts_with(text); }

  bool fail(std::size_t position, std::string_view message) {
    error_ = "At location " + std::to_string(position) + ": " + std::string(message);
    return false;
  }

  bool push(TokenKind kind, std::string text, std::size_t position) {
    if (kind == TokenKind::kString && !tokens_.empty() && tokens_.back().kind == TokenKind::kString)
      return fail(position, "two string constants side by side");
    tokens_.push_back({kind, std::move(text), position, 0, KeywordKind::kNone});
    return true;
  }

  bool push_word(TokenKind kind, std::string word, KeywordKind keyword, std::size_t position) {
    tokens_.push_back({kind, std::move(word), position, 0, keyword});
    return true;
  }

  bool push_char(TokenKind kind) {
    const std::size_t start = at_++;
    return push(kind, std::string(1, where_[start]), start);
  }

  bool skip_blank() {
    while (at_ < where_.size()) {
      if (is_space(where_[at_])) {
        ++at_;
      } else if (starts("--")) {
        at_ = std::min(where_.find_first_of("\n\r", at_), where_.size());
      } else if (starts("/*")) {
        if (!skip_block_comment()) return false;
      } else {
        return true;
      }
    }
    return true;
  }

  // Block comments nest.
  bool skip_block_comment() {
    const std::size_t start = at_;
    std::size_t depth = 0;
    do {
      if (at_ >= where_.size()) return fail(start, "unterminated comment");
      if (starts("/*")) {
        ++depth;
        at_ += 2;
      } else if (starts("*/")) {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (depth > 0);
    return true;
  }

  bool read_token() {
    const char c = peek();
    if (c == '\'') return read_string();
    if (c == '"') return read_quoted_identifier();
    if (c == '$') return is_digit(peek(1)) ? read_param() : read_dollar_string();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return read_number();
    if (is_word_start(c)) return read_word();
    if (is_operator(c)) return read_operator();
    return read_punctuation();
  }

  bool read_punctuation() {
    switch (peek()) {
      case '(':
      case '[': return push_char(TokenKind::kOpen);
      case ')':
      case ']': return push_char(TokenKind::kClose);
      case ',': return push_char(TokenKind::kComma);
      case '.': return starts("..") ? fail(at_, "syntax error at \"..\"") : push_char(TokenKind::kDot);
      case ':': return read_colon();
      case ';': return fail(at_, "a where clause is one expression: unexpected \";\"");
      default: return fail(at_, "unexpected character");
    }
  }

  bool read_colon() {
    const std::size_t start = at_;
    if (!starts("::") && !starts(":=")) return push_char(TokenKind::kColon);
    const bool cast = peek(1) == ':';
    at_ += 2;
    return push(cast ? TokenKind::kCast : TokenKind::kOperator, cast ? "::" : ":=", start);
  }

  // '…' where two quotes are one and a backslash is a backslash.
  bool read_string() {
    const std::size_t start = at_;
    if (!skip_quoted('\'', false)) return fail(start, "unterminated quoted string");
    return push(TokenKind::kString, std::string(where_.substr(start, at_ - start)), start);
  }

  // Consumes from an opening quote to behind its closing one.
  bool skip_quoted(char quote, bool backslash_escapes) {
    for (++at_; at_ < where_.size(); ++at_) {
      if (backslash_escapes && where_[at_] == '\\') {
        ++at_;
      } else if (where_[at_] == quote) {
        ++at_;
        if (peek() != quote) return true;
      }
    }
    return false;
  }

  // E'…', B'…', X'…' keep their spelling: what is escaped inside them means the same wherever they stand.
  bool read_prefixed_string() {
    const std::size_t start = at_;
    const char prefix = static_cast<char>(where_[at_++] & ~0x20);
    const std::size_t quote = at_;
    if (!skip_quoted('\'', prefix == 'E')) return fail(start, "unterminated quoted string");
    return push(TokenKind::kString, prefix + std::string(where_.substr(quote, at_ - quote)), start);
  }

  // $tag$…$tag$, turned into the plain string of the same contents.
  bool read_dollar_string() {
    const std::size_t start = at_;
    std::size_t end = at_ + 1;
    if (end < where_.size() && is_word_start(where_[end]))
      while (end < where_.size() && (is_word_start(where_[end]) || is_digit(where_[end]))) ++end;
    if (end >= where_.size() || where_[end] != '$') return fail(start, "unexpected \"$\"");
    const std::string_view tag = where_.substr(start, end + 1 - start);
    const std::size_t close = where_.find(tag, end + 1);
    if (close == std::string_view::npos) return fail(start, "unterminated dollar-quoted string");
    std::string text = "'";
    for (const char c : where_.substr(end + 1, close - end - 1)) text.append(c == '\'' ? 2 : 1, c);
    at_ = close + tag.size();
    return push(TokenKind::kString, std::move(text += '\''), start);
  }

  bool read_quoted_identifier() {
    const std::size_t start = at_;
    if (!skip_quoted('"', false)) return fail(start, "unterminated quoted identifier");
    auto name = parse_identifier(where_.substr(start, at_ - start));
    if (!name) return fail(start, to_string(name.error()));
    const KeywordKind keyword = keyword_kind(*name);
    return push_word(TokenKind::kIdentifier, std::move(*name), keyword, start);
  }

  bool read_param() {
    const std::size_t start = at_++;
    unsigned number = 0;
    const char* begin = where_.data() + at_;
    const auto [end, error] = std::from_chars(begin, where_.data() + where_.size(), number);
    at_ += static_cast<std::size_t>(end - begin);
    if (is_word_start(peek())) return fail(start, "trailing junk after parameter");
    if (error != std::errc() || number == 0 || number > kParamsMax) return fail(start, "no such parameter");
    if (!push(TokenKind::kParam, "$" + std::to_string(number), start)) return false;
    tokens_.back().param = number;
    return true;
  }

  void skip_digits() {
    while (is_digit(peek())) ++at_;
  }

  bool read_number() {
    const std::size_t start = at_;
    skip_digits();
    if (starts("..")) return fail(start, "syntax error at \"..\"");
    if (peek() == '.') {
      ++at_;
      skip_digits();
    }
    if (fold(peek()) == 'e') {
      const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
      if (is_digit(peek(1 + sign))) {
        at_ += 1 + sign;
        skip_digits();
      }
    }
    if (is_word_start(peek())) return fail(start, "trailing junk after numeric literal");
    return push(TokenKind::kNumber, std::string(where_.substr(start, at_ - start)), start);
  }

  bool read_word() {
    const std::size_t start = at_;
    const char first = fold(peek());
    if (peek(1) == '\'') {
      if (first == 'e' || first == 'b' || first == 'x') return read_prefixed_string();
      if (first == 'n') {  // the scanner's own reading of N'…'
        ++at_;
        return push_word(TokenKind::kKeyword, "nchar", KeywordKind::kColumnName, start);
      }
    }
    if (first == 'u' && peek(1) == '&' && (peek(2) == '\'' || peek(2) == '"'))
      return fail(start, "Unicode escapes are not supported");
    while (is_word(peek())) ++at_;
    std::string word = folded(where_.substr(start, at_ - start));
    if (word.size() > kIdentifierBytesMax) return fail(start, to_string(IdentifierError::kTooLong));
    const KeywordKind keyword = keyword_kind(word);
    const bool bare_name = keyword == KeywordKind::kNone;
    return push_word(bare_name ? TokenKind::kIdentifier : TokenKind::kKeyword, std::move(word), keyword, start);
  }

  // An operator ends before a comment, and may end in + or - only when it has one of ~ ! @ # ^ & | ` ? % in it.
  bool read_operator() {
    const std::size_t start = at_;
    while (is_operator(peek())) ++at_;
    std::string_view text = where_.substr(start, at_ - start);
    text = text.substr(0, std::min(text.find("/*"), text.find("--")));
    if (text.find_first_of("~!@#^&|`?%") == std::string_view::npos)
      while (text.size() > 1 && (text.back() == '+' || text.back() == '-')) text.remove_suffix(1);
    if (text.size() > kIdentifierBytesMax) return fail(start, "operator too long");
    at_ = start + text.size();
    return push(TokenKind::kOperator, text == "!=" ? "<>" : std::string(text), start);
  }

  std::string_view where_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
  std::string error_;
};

}  // namespace

std::expected<std::vector<Token>, std::string> lex_where(std::string_view where) {
  return Lexer(where).run();
}

}  // namespace sluice::shape
