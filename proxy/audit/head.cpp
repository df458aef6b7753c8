#include "proxy/audit/head.h"

#include "proxy/audit/cbor.h"
#include "proxy/audit/json_fields.h"

#include <boost/json.hpp>

#include <algorithm>

namespace stepgate::proxy::audit
{

namespace
{

namespace json = boost::json;

cbor::Buffer signed_part(const Head& head)
{
    cbor::Buffer message;
    cbor::put_head(message, cbor::Major::array, 5);
    cbor::put_text(message, "stepgate head 1");
    cbor::put_integer(message, static_cast<std::int64_t>(head.sequence));
    cbor::put_bytes(message, head.hash);
    cbor::put_integer(message, head.at_ns);
    cbor::put_bool(message, head.clean);
    return message;
}

template <std::size_t N>
bool read_bytes(std::optional<std::vector<std::byte>> bytes, std::array<std::byte, N>& into)
{
    if (!bytes || bytes->size() != N)
        return false;
    std::copy(bytes->begin(), bytes->end(), into.begin());
    return true;
}

} // namespace

boost::system::error_code write_head(Files& files, const std::filesystem::path& directory, Head head,
                                     const SigningKey& key)
{
    head.key = key.public_key().id();
    const auto signature = key.sign(signed_part(head));
    if (!signature)
        return errc::bad_key;
    const json::object object{{"version", 1},
                              {"sequence", head.sequence},
                              {"hash", to_hex(head.hash)},
                              {"time_ns", head.at_ns},
                              {"clean", head.clean},
                              {"key", head.key},
                              {"signature", to_base64url(*signature)}};
    return replace_file(files, directory / "head.json", as_bytes(json::serialize(object) + "\n"));
}

boost::system::result<std::optional<LoadedHead>, Problem> load_head(const std::filesystem::path& directory,
                                                                    const PublicKey& key)
{
    const auto path = directory / "head.json";
    const auto content = read_file(path);
    if (!content && content.error() == boost::system::errc::no_such_file_or_directory)
        return std::optional<LoadedHead>{};
    if (!content)
        return Problem{errc::io, "cannot read " + path.string() + ": " + content.error().message()};
    const Problem damaged{errc::damaged, path.string() + " is not what stepgate wrote: it was changed"};
    boost::system::error_code error;
    const json::value parsed = json::parse(*content, error);
    const auto* object = error ? nullptr : parsed.if_object();
    if (!object)
        return damaged;
    LoadedHead loaded;
    const auto* sequence = object->if_contains("sequence");
    const auto* time = object->if_contains("time_ns");
    const auto* clean = object->if_contains("clean");
    Signature signature{};
    const bool whole = sequence && sequence->is_int64() && sequence->get_int64() >= 0 && time && time->is_int64() &&
                       clean && clean->is_bool() && read_bytes(from_hex(text_at(*object, "hash")), loaded.head.hash) &&
                       read_bytes(from_base64url(text_at(*object, "signature")), signature);
    if (!whole)
        return damaged;
    loaded.head.sequence = static_cast<std::uint64_t>(sequence->get_int64());
    loaded.head.at_ns = time->get_int64();
    loaded.head.clean = clean->get_bool();
    loaded.head.key = text_at(*object, "key");
    loaded.signature_good = key.verify(signed_part(loaded.head), signature);
    return std::optional{loaded};
}

} // namespace stepgate::proxy::audit
