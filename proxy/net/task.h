#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace stepgate::proxy::net
{

/// Every coroutine of the relay runs on one io_context that one thread drives: no strands, no locks, and the concrete
/// executor type keeps type erasure off the hot path.
using Executor = boost::asio::io_context::executor_type;

template <class T>
using Task = boost::asio::awaitable<T, Executor>;

/// Completion token: `auto [ec] = co_await socket.async_wait(.., use_task);` never throws.
inline constexpr boost::asio::as_tuple_t<boost::asio::use_awaitable_t<Executor>> use_task{};

} // namespace stepgate::proxy::net
