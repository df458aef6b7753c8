#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::oracle
{

/// One message of the wire: its type and what follows the length.
struct Message {
    char type = 0;
    std::string body;
    std::string bytes; // as it came, to be passed on
};

/// A connected socket that is read message by message. Owns the socket unless it was lent. Blocks.
class Connection
{
  public:
    enum class Ownership : std::uint8_t { owned, lent };
    Connection(int socket, Ownership ownership) : socket_(socket), owned_(ownership == Ownership::owned) {}
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] int socket() const { return socket_; }
    /// The next whole message that has arrived, without waiting.
    [[nodiscard]] std::optional<Message> next();
    /// The first packet of a client, which has no type.
    [[nodiscard]] std::optional<std::string> startup_packet();
    /// Waits for bytes; false at the end of the stream.
    [[nodiscard]] bool receive();
    bool send(std::string_view bytes);

  private:
    [[nodiscard]] std::uint32_t length_at(std::size_t offset) const;

    int socket_;
    bool owned_;
    std::string buffer_;
    std::size_t begin_ = 0;
};

/// A message of the given type with this body.
[[nodiscard]] std::string message(char type, std::string_view body);

} // namespace stepgate::oracle
