#include "http/response_head.h"

#include <fmt/format.h>
#include <time.h>

#include <array>
#include <charconv>

namespace sluice::http {
namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Status";
  }
}

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

void append_status_line(std::string& out, int status) {
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
    return;
  }
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::uint64_t>(status));
  out.append(" ").append(reason_of(status)).append("\r\n");
}

void append_framing(std::string& out, const ResponseFraming& framing) {
  switch (framing.kind) {
    case ResponseFraming::Kind::kLength:
      out.append("Content-Length: ");
      append_number(out, framing.body_bytes);
      out.append("\r\n");
      break;
    case ResponseFraming::Kind::kChunked: out.append("Transfer-Encoding: chunked\r\n"); break;
    case ResponseFraming::Kind::kNone:
    case ResponseFraming::Kind::kUntilClose: break;
  }
}

bool is_servers_own(std::string_view name) {
  switch (name.size()) {
    case 10: return equal_ignoring_case(name, "connection");
    case 14: return equal_ignoring_case(name, "content-length");
    case 17: return equal_ignoring_case(name, "transfer-encoding");
    default: return false;
  }
}

bool append_fields(std::string& out, const Fields& fields) {
  bool dated = false;
  const FixedFields* fixed = fields.fixed();
  const std::size_t own = fields.size() - (fixed == nullptr ? 0 : fixed->fields().size());
  for (std::size_t i = 0; i < own; ++i) {
    const auto [name, value] = fields.at(i);
    if (is_servers_own(name)) continue;
    dated |= name.size() == 4 && equal_ignoring_case(name, "date");
    out.append(name).append(": ").append(value).append("\r\n");
  }
  if (fixed != nullptr) out.append(fixed->printed());
  return dated;
}

}  // namespace

ResponseFraming framing_of(const Response& response, bool http_1_0) {
  using Kind = ResponseFraming::Kind;
  if (response.status < 200 || response.status == 204 || response.status == 304) return {};
  std::uint64_t bytes = 0;
  for (const Buffer& buffer : response.buffers) bytes += buffer.size();
  if (response.file) {
    bytes += response.file->bytes.size();
    for (const Buffer& buffer : response.file->behind) bytes += buffer.size();
  }
  if (!response.stream) return {Kind::kLength, bytes};
  if (response.stream_bytes) return {Kind::kLength, bytes + *response.stream_bytes};
  return {http_1_0 ? Kind::kUntilClose : Kind::kChunked, 0};
}

bool has_body(Method method, int status) {
  return method != Method::kHead && status >= 200 && status != 204 && status != 304;
}

void append_response_head(std::string& out, const Response& response, const ResponseHeadOptions& options) {
  append_status_line(out, response.status);
  append_framing(out, options.framing);
  if (options.close) {
    out.append("Connection: close\r\n");
  } else if (options.http_1_0) {
    out.append("Connection: keep-alive\r\n");
  }
  if (!append_fields(out, response.fields)) out.append(date_line());
  out.append("\r\n");
}

void append_refusal(std::string& out, const Refusal& refusal) {
  const std::string body = fmt::format(R"({{"error":"{}","message":"{}"}})", refusal.error, refusal.message);
  append_status_line(out, refusal.status);
  append_framing(out, {ResponseFraming::Kind::kLength, body.size()});
  out.append("Connection: close\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n");
  out.append(date_line()).append("\r\n").append(body);
}

std::string_view date_line() {
  thread_local std::array<char, 48> line;
  thread_local std::size_t bytes = 0;
  thread_local time_t made_at = -1;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != made_at) {
    tm utc{};
    ::gmtime_r(&now.tv_sec, &utc);
    static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto written = fmt::format_to_n(line.data(), line.size(), "Date: {}, {:02} {} {} {:02}:{:02}:{:02} GMT\r\n",
                                          kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                                          kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                                          utc.tm_min, utc.tm_sec);
    bytes = written.size;
    made_at = now.tv_sec;
  }
  return {line.data(), bytes};
}

}  // namespace sluice::http
