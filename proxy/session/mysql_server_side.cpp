#include "proxy/session/mysql_session.h"

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;

net::Task<void> MySqlSession::relay_server()
{
    bool again = true; // the login may have left bytes in TLS
    bool making_sense = server_in_.empty() || scan_server();
    while (!stopping_ && making_sense) {
        if (!again) {
            server_in_.release_if_empty();
            const auto failed = co_await server_.readable();
            if (failed)
                break;
        }
        const auto status = read_server(again);
        if (status == net::Io::would_block)
            continue;
        if (status != net::Io::done)
            break;
        making_sense = scan_server();
        if (!out_.empty()) {
            const bool drained = co_await drain_client();
            if (!drained)
                break;
        }
        if (draining_ && may_end())
            say_goodbye("57P01", "stepgate is shutting down");
    }
    if (!stopping_ && gate_ != nullptr)
        error_to_client(1053, "08S01", "the server ended the session; nothing of the held statement was run");
    co_await end_server_side();
}

/// To the client, behind the packets of our own that answer the same command.
void MySqlSession::pass(wire::View bytes)
{
    if (told_ == 0)
        return to_client(bytes);
    wire::Bytes shifted{bytes.begin(), bytes.end()};
    shift_.apply(shifted);
    to_client(shifted);
}

/// Follows all whole packets of the read, and forwards them in as few writes as possible. False: lost track.
bool MySqlSession::scan_server()
{
    const wire::View data = server_in_.data();
    std::size_t sent = 0, at = std::exchange(kept_, 0);
    while (!fatal_) {
        const bool rows = tracker_->rows_follow() && tracker_->answering() == my::Origin::client;
        const auto scanned = scanner_.next(data.subspan(at), rows);
        if (std::holds_alternative<my::NeedMore>(scanned))
            break;
        if (const auto* passed = std::get_if<my::Pass>(&scanned)) {
            tracker_->passed(passed->rows);
            at += passed->bytes;
            if (flight_.withheld)
                sent = at;
        } else if (const auto* frame = std::get_if<my::Frame>(&scanned)) {
            if (tracker_->at_result())
                result_ = Result{at, frame->sequence};
            const bool swallowed = flight_.withheld;
            const bool for_client = on_server_frame(*frame);
            if (!swallowed && flight_.withheld) {
                pass(data.subspan(sent, result_->begin - sent));
                sequence_ = result_->sequence;
                error_to_client(withheld_);
            }
            at += frame->bytes.size();
            if (!for_client || swallowed || flight_.withheld)
                sent = at; // where it is not for the client, nothing of the client's is outstanding
        } else {
            fatal_ = make_error_code(std::get<my::errc>(scanned));
        }
    }
    // Columns that are looked at go on together: an error in their place can only stand where they begin.
    const bool keeps = flight_.watched && !flight_.withheld && tracker_->columns_follow();
    const std::size_t end = keeps ? result_->begin : at;
    if (sent < end)
        pass(data.subspan(sent, end - sent));
    server_in_.consume(end);
    if (keeps) {
        kept_ = at - end;
        result_->begin = 0;
    }
    if (fatal_) {
        lose_track(fatal_);
        return false;
    }
    if (waiting_ && (tracker_->quiet() || tracker_->wants_infile()))
        signal_.raise();
    return true;
}

/// True if the packet is for the client.
bool MySqlSession::on_server_frame(const my::Frame& frame)
{
    const bool ours = tracker_->answering() == my::Origin::proxy;
    if (ours && answer_) {
        const bool row = tracker_->rows_follow();
        answer_->on(frame.payload);
        if (row && !answer_->done()) {
            tracker_->passed(1);
            return false;
        }
    }
    if (ours && change_)
        on_change_answer(frame);
    const auto event = tracker_->received(frame.payload);
    if (!event) {
        fatal_ = event.error();
        return false;
    }
    using Is = my::Event::Kind;
    if (event->kind == Is::connection_lost) {
        end_reason_ = "the server ended the session: " + std::to_string(event->err.code);
        if (gate_ != nullptr)
            gate_->server_closed();
        return gate_ == nullptr && started_ && !ours;
    }
    if (event->kind == Is::infile && (ours || !was_named(event->text))) {
        fatal_ = make_error_code(my::errc::unexpected_reply); // a server that reads files of clients as it likes
        return false;
    }
    if (ours && parsed_ && event->kind == Is::prepared)
        parsed_->statement = event->prepared.statement;
    if (ours && parsed_ && event->kind == Is::failed)
        parsed_ = Parsed{event->err.code, std::string{event->err.sqlstate}, std::string{event->err.message}};
    if (ours)
        return false;
    if (event->kind == Is::column && flight_.watched && event->command != my::Command::field_list)
        on_column(frame.payload);
    if (event->kind == Is::known_columns)
        on_known_columns();
    if (event->kind == Is::completed)
        flight_.rows = std::max<std::int64_t>(flight_.rows, 0) +
                       static_cast<std::int64_t>(event->rows > 0 ? event->rows : event->ok.affected_rows);
    if (event->last)
        on_end(*event);
    return true;
}

void MySqlSession::on_end(const my::Event& event)
{
    const bool failed = event.kind == my::Event::Kind::failed;
    if (auto* prepared = executed(); prepared != nullptr && flight_.withheld && !flight_.known_columns)
        prepared->value.kept_back = prepared->description.version;
    if (flight_.number != 0)
        report_outcome(flight_.number, flight_.started_ns, flight_.rows,
                       flight_.withheld ? std::string_view{withheld_.sqlstate}
                       : failed         ? event.err.sqlstate
                                        : std::string_view{"00000"});
    if (flight_.effects)
        apply_effects(*flight_.effects->facts, !failed);
    catalog_.idle();
    if (flight_.resets) {
        state_.reset();
        catalog_.forget_temporary();
        doubt_everything();
    }
    flight_ = {};
}

} // namespace stepgate::proxy::session
