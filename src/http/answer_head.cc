#include "http/answer_head.h"

#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <string>
#include <vector>

#include "http/parsed_fields.h"
#include "http/syntax.h"

namespace sluice::http {
namespace {

namespace beast_http = boost::beast::http;
using boost::beast::error_code;
using BeastView = boost::beast::string_view;

constexpr std::size_t kFieldsMax = 200;

std::string_view view(BeastView text) {
  return {text.data(), text.size()};
}

class HeadParser final : public beast_http::basic_parser<false> {
 public:
  HeadParser(Method method, AnswerHead& head) : head_(head), bodiless_(method == Method::kHead) {
    header_limit(std::numeric_limits<std::uint32_t>::max());  // HeadScan's caller has bounded it
    body_limit(boost::none);
    skip(bodiless_);
  }

  bool parse(std::string_view text) {
    error_code error;
    put(boost::asio::const_buffer(text.data(), text.size()), error);
    if (error || !is_header_done()) return false;
    const bool never_a_body = bodiless_ || head_.status < 200 || head_.status == 204 || head_.status == 304;
    if (never_a_body) head_.framing = AnswerHead::Framing::kNone;
    head_.keep_alive = keep_alive();
    remove_hop_by_hop();
    return true;
  }

 private:
  void on_response_impl(int status, BeastView, int version, error_code& error) override {
    if (status < 100 || status > 599) error = beast_http::error::bad_status;
    head_.status = status;
    http_1_0_ = version == 10;
    head_.framing = AnswerHead::Framing::kUntilClose;  // until a field says better
  }

  void on_field_impl(beast_http::field field, BeastView name, BeastView value, error_code& error) override {
    if (++count_ > kFieldsMax || !note(field, view(value))) error = beast_http::error::bad_field;
    ParsedFields::append(head_.fields, view(name), view(value));
  }

  bool note(beast_http::field field, std::string_view value) {
    const bool framed = head_.framing != AnswerHead::Framing::kUntilClose;
    switch (field) {
      case beast_http::field::content_length: {
        const auto length = parse_content_length(value);
        if (framed || !length) return false;
        head_.framing = AnswerHead::Framing::kLength;
        head_.body_bytes = *length;
        return true;
      }
      case beast_http::field::transfer_encoding:
        if (framed || http_1_0_ || !equal_ignoring_case(value, "chunked")) return false;
        head_.framing = AnswerHead::Framing::kChunked;
        return true;
      case beast_http::field::connection: connection_.append(value).push_back(','); return true;
      default: return true;
    }
  }

  void remove_hop_by_hop() {
    static constexpr std::array kNames{"Connection", "Keep-Alive", "Proxy-Connection",  "Proxy-Authenticate",
                                       "TE",         "Trailer",    "Transfer-Encoding", "Upgrade"};
    for (const char* name : kNames) head_.fields.remove(name);
    std::string_view rest = connection_;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      std::string_view name = rest.substr(0, comma);
      rest.remove_prefix(comma + 1);  // each value was closed by a comma
      while (!name.empty() && (name.front() == ' ' || name.front() == '\t')) name.remove_prefix(1);
      while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
      // What ends the body is not the origin's to take away from what is passed on.
      if (!name.empty() && !equal_ignoring_case(name, "content-length")) head_.fields.remove(name);
    }
  }

  void on_request_impl(beast_http::verb, BeastView, BeastView, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(BeastView body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, BeastView, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView body, error_code&) override { return body.size(); }
  void on_finish_impl(error_code&) override {}

  AnswerHead& head_;
  const bool bodiless_;
  bool http_1_0_ = false;
  std::size_t count_ = 0;
  std::string connection_;
};

}  // namespace

std::optional<AnswerHead> parse_answer_head(std::string_view text, Method method) {
  AnswerHead head;
  if (!HeadParser(method, head).parse(text)) return std::nullopt;
  return head;
}

}  // namespace sluice::http
