// What a handler sees of a request and what it says in answer; the same for every version of HTTP.
//
// A Request's views point into its connection's buffers: they are valid until the handler's Task has completed (or, where
// it answered at once, until handle() returns). A Response is made in memory that its thread uses again for the next, so a
// kept-alive request that is answered from memory allocates nothing (answer_memory.h).
#pragma once

#include <cstdint>
#include <expected>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/buffer.h"
#include "base/file_bytes.h"
#include "base/task.h"

namespace sluice::http {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };
std::string_view to_string(Method method);

class FixedFields;

// Header fields in order, in one block of text. Names compare without case (RFC 9110 section 5.1). Values are bytes that
// were checked to be visible ASCII, space, tab or obs-text: never CR, LF or NUL.
class Fields {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
  };

  // Precondition: `name` is a token and `value` a field value (http::is_token, http::is_field_value); anything else is
  // dropped with an assertion in debug builds, so no response can be split.
  void add(std::string_view name, std::string_view value);
  // Those that many messages have alike, behind the others, without a copy: `fixed` outlives every use. One set.
  void add(const FixedFields& fixed);
  void set(std::string_view name, std::string_view value);  // removes others of that name first
  void remove(std::string_view name);
  void clear();
  // From the heap, in bytes.
  std::size_t memory() const { return text_.capacity() - std::string().capacity() + entries_.capacity() * sizeof(Entry); }

  // The first of that name.
  std::optional<std::string_view> get(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  std::size_t size() const;
  Field at(std::size_t i) const;
  // Those of add(), where they are still as they were.
  const FixedFields* fixed() const { return fixed_; }

 private:
  friend struct ParsedFields;  // the head parsers: what they add was checked byte by byte already

  struct Entry {
    std::uint32_t name_at, name_bytes, value_at, value_bytes;
  };

  void append(std::string_view name, std::string_view value);
  void copy_fixed();
  std::string_view name_of(const Entry& entry) const;
  std::string_view value_of(const Entry& entry) const;

  std::string text_;
  std::vector<Entry> entries_;
  const FixedFields* fixed_ = nullptr;
};

// Fields that never change, and as they are printed: each `name: value` CR LF. None is one of the server's own (Response),
// nor Date.
class FixedFields {
 public:
  explicit FixedFields(std::initializer_list<Fields::Field> fields);
  const Fields& fields() const { return fields_; }
  std::string_view printed() const { return printed_; }

 private:
  Fields fields_;
  std::string printed_;
};

bool is_token(std::string_view text);
bool is_field_value(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);

struct Request {
  Method method = Method::kOther;
  // The path of the target as sent: starts with `/`, holds no `?`, `#`, escape, dot segment, `//`, `;` or `\` (H57: such
  // targets are refused before a handler sees them), so it is compared byte for byte. For `OPTIONS *` it is `*`.
  std::string_view path;
  // After the `?`, still encoded; empty where there is none.
  std::string_view query;
  const Fields* fields = nullptr;
  // The whole body (bounded by ServerLimits::body_bytes_max).
  std::string_view body;
  // The peer's address as text, without its port.
  std::string_view peer;
  std::uint64_t connection_id = 0;
};

enum class BodyError { kUpstream, kCancelled };

// A response body made piece by piece. next() is called again only when the piece before it has been handed to the
// socket, so at most one piece of a slow reader's response is in memory. An empty Buffer ends the body. Destroying the
// stream, at any suspension point or never having been asked, cancels the work behind it.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  virtual Task<std::expected<Buffer, BodyError>> next() = 0;
};

// The part of a body that is sent from a file, and what comes behind it.
struct FilePart {
  FileBytes bytes;
  std::vector<Buffer> behind;
};

struct Response {
  int status = 200;
  // Content-Length, Transfer-Encoding and Connection are the server's own: such fields here are not sent.
  Fields fields;
  // Sent in this order before the file or the stream; content-length is the sum of all where there is no stream.
  std::vector<Buffer> buffers;
  // Not together with a stream. A file that cannot be read to its end cuts the answer off, so that the client can tell.
  std::unique_ptr<FilePart> file;
  std::unique_ptr<BodyStream> stream;
  // Of the stream, where known; otherwise it is sent chunked (HTTP/1.1) or until close (HTTP/1.0).
  std::optional<std::uint64_t> stream_bytes;
  // Send this answer, then close the connection.
  bool close = false;

  void clear();
};

// Answers requests. Called on the connection's thread, for many connections on several threads at once.
//
// Returns an empty Task where `response` is filled already. Otherwise the Task is awaited; if the client goes away first,
// or the server is told to stop at once, the Task is cancelled (its pending operation ends with operation_aborted) and
// its response is not sent. `request` and `response` outlive the Task.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Task<void> handle(const Request& request, Response& response) = 0;
};

}  // namespace sluice::http
