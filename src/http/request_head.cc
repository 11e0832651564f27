#include "http/request_head.h"

#include <boost/beast/http/basic_parser.hpp>

#include "http/parsed_fields.h"
#include "http/syntax.h"

namespace sluice::http {
namespace {

namespace beast_http = boost::beast::http;
using boost::beast::error_code;
using BeastView = boost::beast::string_view;

std::string_view view(BeastView text) {
  return {text.data(), text.size()};
}

Method method_of(beast_http::verb verb) {
  switch (verb) {
    case beast_http::verb::get: return Method::kGet;
    case beast_http::verb::head: return Method::kHead;
    case beast_http::verb::post: return Method::kPost;
    case beast_http::verb::put: return Method::kPut;
    case beast_http::verb::patch: return Method::kPatch;
    case beast_http::verb::delete_: return Method::kDelete;
    case beast_http::verb::options: return Method::kOptions;
    default: return Method::kOther;
  }
}

// Beast tokenises; this takes the tokens and decides. Any refusal stops the parser.
class HeadParser final : public beast_http::basic_parser<true> {
 public:
  HeadParser(const ServerLimits& limits, RequestHead& head) : limits_(limits), head_(head) {
    header_limit(std::numeric_limits<std::uint32_t>::max());  // HeadScan's caller has bounded it
    body_limit(boost::none);
  }

  std::optional<Refusal> parse(std::string_view text) {
    error_code error;
    put(boost::asio::const_buffer(text.data(), text.size()), error);
    if (refusal_) return refusal_;
    if (error || !is_header_done()) return kBadRequest;
    head_.keep_alive = keep_alive();
    return check_whole();
  }

 private:
  void on_request_impl(beast_http::verb verb, BeastView, BeastView target, int version, error_code& error) override {
    head_.method = method_of(verb);
    head_.http_1_0 = version == 10;
    const std::string_view text = view(target);
    if (text.size() > limits_.target_bytes_max) return refuse(kTargetTooLong, error);
    const bool asterisk = head_.method == Method::kOptions && text == "*";
    if (!asterisk && !is_plain_target(text)) return refuse(kBadTarget, error);
    head_.target.assign(text);
  }

  void on_field_impl(beast_http::field field, BeastView name, BeastView value, error_code& error) override {
    if (++count_ > limits_.header_count_max) return refuse(kHeadTooLarge, error);
    const std::string_view field_name = view(name);
    // Servers that hand fields on as CGI variables cannot tell `_` from `-`: such names do not exist here (H54).
    if (field_name.find('_') != std::string_view::npos) return;
    if (!note(field, view(value))) return refuse(field == beast_http::field::host ? kBadHost : kBadFraming, error);
    ParsedFields::append(head_.fields, field_name, view(value));
  }

  // False: this field alone makes the request invalid.
  bool note(beast_http::field field, std::string_view value) {
    switch (field) {
      case beast_http::field::host: return ++hosts_ == 1 && is_host(value);
      case beast_http::field::content_length: return take_content_length(value);
      case beast_http::field::transfer_encoding: return take_transfer_encoding(value);
      case beast_http::field::expect:
        expectation_ = equal_ignoring_case(value, "100-continue") ? kContinue : kUnknown;
        return true;
      default: return true;
    }
  }

  bool take_content_length(std::string_view value) {
    const auto length = parse_content_length(value);
    if (!length || head_.framing != BodyFraming::kNone) return false;
    head_.framing = BodyFraming::kLength;
    head_.body_bytes = *length;
    return true;
  }

  bool take_transfer_encoding(std::string_view value) {
    if (head_.framing != BodyFraming::kNone || head_.http_1_0) return false;
    head_.framing = BodyFraming::kChunked;
    return equal_ignoring_case(value, "chunked");
  }

  std::optional<Refusal> check_whole() {
    if (hosts_ == 0 && !head_.http_1_0) return kBadHost;
    if (expectation_ == kUnknown) return kExpectationFailed;
    head_.expects_continue = expectation_ == kContinue && !head_.http_1_0;
    if (head_.framing == BodyFraming::kLength && head_.body_bytes > limits_.body_bytes_max) return kBodyTooLarge;
    return std::nullopt;
  }

  void refuse(const Refusal& refusal, error_code& error) {
    refusal_ = refusal;
    error = beast_http::error::bad_field;
  }

  // A request's head has no part in these: the parser is dropped where its head ends.
  void on_response_impl(int, BeastView, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(BeastView body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, BeastView, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView body, error_code&) override { return body.size(); }
  void on_finish_impl(error_code&) override {}

  const ServerLimits& limits_;
  RequestHead& head_;
  std::optional<Refusal> refusal_;
  std::size_t count_ = 0;
  std::size_t hosts_ = 0;
  enum : std::uint8_t { kNothing, kContinue, kUnknown } expectation_ = kNothing;
};

bool is_plain_path(std::string_view path) {
  if (path.empty() || path[0] != '/' || !all_chars(path, kPathChar)) return false;
  for (std::size_t at = 0; at != std::string_view::npos; at = path.find('/', at + 1)) {
    const std::string_view rest = path.substr(at + 1);
    const std::string_view segment = rest.substr(0, rest.find('/'));
    if (segment == "." || segment == "..") return false;
    if (segment.empty() && segment.size() != rest.size()) return false;  // `//`
  }
  return true;
}

}  // namespace

std::string_view RequestHead::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view RequestHead::query() const {
  const auto mark = target.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

void RequestHead::clear() {
  method = Method::kOther;
  target.clear();
  fields.clear();
  framing = BodyFraming::kNone;
  body_bytes = 0;
  http_1_0 = keep_alive = expects_continue = false;
}

bool is_plain_target(std::string_view target) {
  const auto mark = target.find('?');
  if (!is_plain_path(target.substr(0, mark))) return false;
  return mark == std::string_view::npos || all_chars(target.substr(mark + 1), kQueryChar);
}

std::optional<Refusal> parse_request_head(std::string_view text, const ServerLimits& limits, RequestHead& head) {
  return HeadParser(limits, head).parse(text);
}

}  // namespace sluice::http
