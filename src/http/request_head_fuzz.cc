// Any bytes as a request's head: what is accepted must keep every promise of http/message.h, however the bytes are cut.
#include <cstdint>
#include <cstdlib>

#include "http/head_scan.h"
#include "http/request_head.h"

namespace {

using namespace sluice::http;

void require(bool condition) {
  if (!condition) std::abort();
}

HeadScan::Result scan_in_pieces(std::string_view text, std::size_t piece, std::size_t& head_bytes) {
  HeadScan scan;
  HeadScan::Result result = HeadScan::Result::kMore;
  for (std::size_t n = piece; result == HeadScan::Result::kMore; n += piece) {
    result = scan.scan(text.substr(0, n));
    if (n >= text.size()) break;
  }
  head_bytes = scan.head_bytes();
  return result;
}

void check(const RequestHead& head, const ServerLimits& limits) {
  const bool asterisk = head.method == Method::kOptions && head.target == "*";
  require(asterisk || is_plain_target(head.target));
  require(asterisk || head.path().starts_with('/'));
  require(head.path().find_first_of("?#%;\\") == std::string_view::npos);
  require(head.path().find("//") == std::string_view::npos && head.path().find("/../") == std::string_view::npos);
  require(head.query().find('#') == std::string_view::npos);
  require(head.target.size() <= limits.target_bytes_max && head.fields.size() <= limits.header_count_max);
  for (std::size_t i = 0; i < head.fields.size(); ++i) {
    require(is_token(head.fields.at(i).name) && is_field_value(head.fields.at(i).value));
    require(head.fields.at(i).name.find('_') == std::string_view::npos);
  }
  require(head.fields.count("host") == 1 || (head.http_1_0 && head.fields.count("host") == 0));
  const std::size_t lengths = head.fields.count("content-length");
  const std::size_t codings = head.fields.count("transfer-encoding");
  require(lengths + codings == (head.framing == BodyFraming::kNone ? 0 : 1));
  require(head.framing != BodyFraming::kLength || head.body_bytes <= limits.body_bytes_max);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::size_t head_bytes = 0;
  std::size_t head_bytes_in_pieces = 0;
  const auto result = scan_in_pieces(text, size + 1, head_bytes);
  const auto in_pieces = scan_in_pieces(text, 1 + size % 7, head_bytes_in_pieces);
  require(result == in_pieces);
  if (result != HeadScan::Result::kComplete) return 0;
  require(head_bytes == head_bytes_in_pieces && head_bytes <= size);

  const ServerLimits limits;
  RequestHead head;
  if (!parse_request_head(text.substr(0, head_bytes), limits, head)) check(head, limits);
  return 0;
}
