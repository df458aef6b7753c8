#include "tests/oracle/witness/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace stepgate::oracle
{
namespace
{

bool wait_until(int socket, short events)
{
    pollfd entry{.fd = socket, .events = events, .revents = 0};
    while (::poll(&entry, 1, -1) < 0)
        if (errno != EINTR)
            return false;
    return true;
}

} // namespace

Connection::~Connection()
{
    if (owned_)
        ::close(socket_);
}

std::uint32_t Connection::length_at(std::size_t offset) const
{
    std::uint32_t length = 0;
    for (std::size_t at = offset; at < offset + 4; ++at)
        length = length << 8U | static_cast<unsigned char>(buffer_[at]);
    return length;
}

std::optional<Message> Connection::next()
{
    const std::size_t have = buffer_.size() - begin_;
    if (have < 5 || have < length_at(begin_ + 1) + std::size_t{1})
        return std::nullopt;
    const std::size_t size = length_at(begin_ + 1) + std::size_t{1};
    Message found{buffer_[begin_], buffer_.substr(begin_ + 5, size - 5), buffer_.substr(begin_, size)};
    begin_ += size;
    if (begin_ == buffer_.size()) {
        buffer_.clear();
        begin_ = 0;
    }
    return found;
}

std::optional<std::string> Connection::startup_packet()
{
    while (buffer_.size() < 4 || buffer_.size() < length_at(0))
        if (!receive())
            return std::nullopt;
    std::string packet = buffer_.substr(4, length_at(0) - 4);
    buffer_.erase(0, packet.size() + 4);
    return packet;
}

bool Connection::receive()
{
    std::array<char, 65536> chunk{};
    while (true) {
        if (!wait_until(socket_, POLLIN))
            return false;
        const ssize_t got = ::recv(socket_, chunk.data(), chunk.size(), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got <= 0)
            return false;
        buffer_.append(chunk.data(), static_cast<std::size_t>(got));
        return true;
    }
}

bool Connection::send(std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent > 0)
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        else if (!wait_until(socket_, POLLOUT))
            return false;
    }
    return true;
}

std::string message(char type, std::string_view body)
{
    const std::size_t length = body.size() + 4;
    std::string result(1, type);
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        result += static_cast<char>(length >> shift & 0xffU);
    return result.append(body);
}

} // namespace stepgate::oracle
