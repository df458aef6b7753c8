#include "protocols/postgres/query.h"

#include "protocols/postgres/message_writer.h"

namespace stepgate::protocols::postgres
{

namespace
{

// Counts are 16 bits *without* sign, as the server reads them: drivers send up to 65535 parameters.

template <class Integer>
IntegerList<Integer> integers(wire::Cursor& in)
{
    const std::size_t count = in.count(in.uint16(), sizeof(Integer));
    return IntegerList<Integer>{in.bytes(count * sizeof(Integer))};
}

ValueList values(wire::Cursor& in)
{
    const std::size_t count = in.count(in.uint16(), 4);
    wire::Cursor ahead = in; // walks over the values to check them and to find their end
    for (std::size_t i = 0; i < count && ahead.good(); ++i) {
        const std::int32_t length = ahead.int32();
        if (length != -1) // NULL
            ahead.bytes(ahead.count(length, 1));
    }
    if (!ahead.good()) {
        in.fail();
        return {};
    }
    return ValueList{in.bytes(in.left() - ahead.left()), count};
}

bool formats_fit(const IntegerList<std::int16_t>& formats, const ValueList& of)
{
    return formats.size() <= 1 || formats.size() == of.size();
}

/// The server's tables of statements and portals tell names apart by their first 63 bytes (NAMEDATALEN), wherever a
/// character ends.
std::string_view name(wire::Cursor& in)
{
    constexpr std::size_t compared = 63;
    return in.c_string().substr(0, compared);
}

Named named(wire::Cursor& in)
{
    const char what = in.character();
    if (what != static_cast<char>(Named::statement) && what != static_cast<char>(Named::portal))
        in.fail();
    return static_cast<Named>(what);
}

} // namespace

ValueList::Iterator::value_type ValueList::Iterator::operator*() const
{
    wire::Cursor in{left_};
    const std::int32_t length = in.int32();
    if (length < 0)
        return std::nullopt;
    return in.bytes(static_cast<std::size_t>(length));
}

ValueList::Iterator& ValueList::Iterator::operator++()
{
    wire::Cursor in{left_};
    const std::int32_t length = in.int32();
    if (length > 0)
        in.bytes(static_cast<std::size_t>(length));
    left_ = in.rest();
    return *this;
}

result<Query> decode_query(const Frame& frame)
{
    if (!frame.is(Frontend::query))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    const Query query{in.c_string()};
    return in.finish(query, errc::malformed_query);
}

void encode_query(wire::Bytes& out, std::string_view sql)
{
    MessageWriter{out, Frontend::query}.c_string(sql);
}

result<Parse> decode_parse(const Frame& frame)
{
    if (!frame.is(Frontend::parse))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    Parse parse;
    parse.statement = name(in);
    parse.sql = in.c_string();
    parse.parameter_types = integers<std::uint32_t>(in);
    return in.finish(parse, errc::malformed_parse);
}

void encode_parse(wire::Bytes& out, std::string_view statement, std::string_view sql)
{
    MessageWriter message{out, Frontend::parse};
    message.c_string(statement);
    message.c_string(sql);
    message.uint16(0);
}

result<Bind> decode_bind(const Frame& frame)
{
    if (!frame.is(Frontend::bind))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    Bind bind;
    bind.portal = name(in);
    bind.statement = name(in);
    bind.parameter_formats = integers<std::int16_t>(in);
    bind.parameters = values(in);
    bind.result_formats = integers<std::int16_t>(in);
    if (!formats_fit(bind.parameter_formats, bind.parameters))
        in.fail();
    return in.finish(bind, errc::malformed_bind);
}

result<Describe> decode_describe(const Frame& frame)
{
    if (!frame.is(Frontend::describe))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    const Named what = named(in);
    return in.finish(Describe{what, name(in)}, errc::malformed_describe);
}

void encode_describe(wire::Bytes& out, const Describe& describe)
{
    MessageWriter message{out, Frontend::describe};
    message.character(static_cast<char>(describe.what));
    message.c_string(describe.name);
}

void encode_close(wire::Bytes& out, const Close& close)
{
    MessageWriter message{out, Frontend::close};
    message.character(static_cast<char>(close.what));
    message.c_string(close.name);
}

result<Execute> decode_execute(const Frame& frame)
{
    if (!frame.is(Frontend::execute))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    Execute execute;
    execute.portal = name(in);
    execute.max_rows = in.int32();
    return in.finish(execute, errc::malformed_execute);
}

result<Close> decode_close(const Frame& frame)
{
    if (!frame.is(Frontend::close))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    const Named what = named(in);
    return in.finish(Close{what, name(in)}, errc::malformed_close);
}

result<FunctionCall> decode_function_call(const Frame& frame)
{
    if (!frame.is(Frontend::function_call))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    FunctionCall call;
    call.function = in.uint32();
    call.argument_formats = integers<std::int16_t>(in);
    call.arguments = values(in);
    call.result_format = in.int16();
    if (!formats_fit(call.argument_formats, call.arguments))
        in.fail();
    return in.finish(call, errc::malformed_function_call);
}

result<CopyFail> decode_copy_fail(const Frame& frame)
{
    if (!frame.is(Frontend::copy_fail))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    const CopyFail fail{in.c_string()};
    return in.finish(fail, errc::malformed_copy);
}

void encode_copy_fail(wire::Bytes& out, std::string_view text)
{
    MessageWriter{out, Frontend::copy_fail}.c_string(text);
}

result<void> check_empty(const Frame& frame)
{
    if (!frame.body().empty())
        return errc::malformed_empty;
    return {};
}

void encode_empty(wire::Bytes& out, Frontend type)
{
    const MessageWriter message{out, type};
}

void encode_empty(wire::Bytes& out, Backend type)
{
    const MessageWriter message{out, type};
}

void encode_copy_data(wire::Bytes& out, wire::View data)
{
    MessageWriter{out, Frontend::copy_data}.bytes(data);
}

} // namespace stepgate::protocols::postgres
