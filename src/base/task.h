// The coroutine type of Sluice.
//
// A Task runs on one io_context and stays there: its executor is the concrete io_context executor, which costs less than
// any_io_executor and lets the compiler see through every resumption. Parameters of a coroutine are taken by value, or
// are references to what its caller keeps alive until the Task has completed. No lambda with captures is a coroutine.
//
// A default-constructed Task is empty: `task.valid()` is false. Functions whose work is usually done at once return an
// empty Task to say "done already", and no coroutine frame is made (see http::Handler, origin::Origin).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice {

using Executor = boost::asio::io_context::executor_type;

template <typename T = void>
using Task = boost::asio::awaitable<T, Executor>;

inline constexpr boost::asio::use_awaitable_t<Executor> use_task{};

}  // namespace sluice
