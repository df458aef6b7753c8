#include "challenge-web/server/handlers.h"
#include "challenge-web/server/replies.h"

namespace stepgate::challenge_web::server
{

Response stream_events(Call& call)
{
    // Checked again when the connection subscribes; this one can still say so in words.
    if (!call.services.hub.room_for(call.user()))
        return error_reply(429, "too_many_streams", "Too many open pages listen for events. Close some.");
    Response response;
    response.content_type = "text/event-stream";
    const auto& session = call.visitor->session;
    const auto remaining = std::chrono::duration_cast<std::chrono::milliseconds>(session.expires - call.now);
    response.stream = EventStream{call.user(), session.token_hash, remaining};
    return response;
}

} // namespace stepgate::challenge_web::server
