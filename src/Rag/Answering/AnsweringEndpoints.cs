using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Rag.Access;
using Rag.Answering.Generation;
using Rag.Foundation;

namespace Rag.Answering;

internal static class AnsweringEndpoints
{
    private const int MaxBodyBytes = 65_536;
    private const int MaxCommentChars = 2_000;

    public static IEndpointRouteBuilder MapAnswering(this IEndpointRouteBuilder routes)
    {
        var ask = routes.ServiceProvider.GetRequiredService<Answerer>();
        int limitMs = routes.ServiceProvider.GetRequiredService<ServerOptions>().QuestionTimeoutMs;
        // Written by hand down to the bytes: an answer from the cache should cost little more than sending it.
        routes.MapPost("/v1/ask", (Delegate)((HttpContext context) => AskAsync(context, ask, limitMs))).Needs(Role.Reader).WithTags("Ask").WithSummary("Answer a question with the exact spans it came from, or say that the documents do not")
            .Accepts<AskRequest>("application/json").Produces<Answer>().ProducesProblem(400).ProducesProblem(404).ProducesProblem(503)
            .WithMetadata(new RequestSizeLimitAttribute(MaxBodyBytes)).Needs(Role.Reader).RequireRateLimiting(LoadClass.Questions);
        var answers = routes.MapGroup("/v1/answers").Needs(Role.Reader).WithTags("Ask");
        answers.MapGet("/{id}", (string id, AnswerReplay replay, CancellationToken ct) => replay.ShowAsync(id, ct)).WithSummary("An answer that was given, with its sources");
        answers.MapPost("/{id}/replay", (string id, AnswerReplay replay, CancellationToken ct) => replay.ReplayAsync(id, ct)).WithSummary("The same answer again from the same evidence").RequireRateLimiting(LoadClass.Questions);
        answers.MapPost("/{id}/feedback", FeedbackAsync).RequireRateLimiting(LoadClass.Writes).WithSummary("Say whether an answer helped");
        return routes;
    }

    private static async Task AskAsync(HttpContext context, Answerer answerer, int limitMs)
    {
        var ct = context.RequestAborted;
        long started = Stopwatch.GetTimestamp();
        AskRequest request;
        try
        {
            request = await JsonSerializer.DeserializeAsync(context.Request.Body, AnsweringJson.Default.AskRequest, ct) ?? throw new JsonException("The body is null.");
        }
        catch (JsonException e)
        {
            throw new RagException(ErrorKind.Invalid, "The body is not the JSON object that a question comes in.", "Send {\"question\": \"…\"}.", e);
        }
        if (request.Stream)
        {
            await StreamAsync(context, started, answerer, request, limitMs, ct);
            return;
        }
        var (rendered, cached) = await TimeBudget.RunAsync(limitMs, (answerer, request), static (s, token) => s.answerer.AskAsync(s.request, token), ct);
        context.Response.ContentType = "application/json; charset=utf-8";
        if (cached)
        {
            context.Response.ContentLength = rendered.CachedJson.Length;
            await context.Response.BodyWriter.WriteAsync(rendered.CachedJson, ct);
            return;
        }
        await JsonSerializer.SerializeAsync(context.Response.Body, rendered.Answer, AnsweringJson.Default.Answer, ct);
    }

    /// <summary>
    /// Server-sent events (WHATWG HTML, 9.2): a <c>sentence</c> each, as soon as it is settled, then the whole <c>answer</c>.
    /// What fails before the first sentence is a problem like any other; after it, an <c>error</c> event with the problem's parts.
    /// </summary>
    private static async Task StreamAsync(HttpContext context, long started, Answerer answerer, AskRequest request, int limitMs, CancellationToken ct)
    {
        var metrics = context.RequestServices.GetRequiredService<AnsweringMetrics>();
        var stream = answerer.Streams ? new AnswerStream() : null;
        var asking = AskAsync();
        var sent = new List<AnswerSentence>();
        if (stream is not null)
            await foreach (var settled in stream.ReadAllAsync(ct)) await SendAsync(settled.Sentence);
        try
        {
            var (rendered, cached) = await asking;
            var answer = rendered.Given(cached);
            // Where it was made anew, what has left is not its beginning, and the answer alone says what holds.
            if (answer.Sentences.Take(sent.Count).SequenceEqual(sent))
                foreach (var sentence in answer.Sentences.Skip(sent.Count)) await SendAsync(sentence);
            Begin();
            await context.Response.WriteAsync($"event: answer\ndata: {JsonSerializer.Serialize(answer, AnsweringJson.Default.Answer)}\n\n", ct);
        }
        catch (RagException e) when (sent.Count > 0)
        {
            await context.Response.WriteAsync($"event: error\ndata: {JsonSerializer.Serialize(new StreamFailure(e.Kind.ToString().ToLowerInvariant(), e.Message, e.Remedy), AnsweringJson.Default.StreamFailure)}\n\n", ct);
        }

        async Task<(RenderedAnswer, bool)> AskAsync()
        {
            try
            {
                return await TimeBudget.RunAsync(limitMs, (answerer, request, stream), static (s, token) => s.answerer.AskAsync(s.request, token, s.stream), ct);
            }
            finally
            {
                stream?.Complete();
            }
        }

        async Task SendAsync(AnswerSentence sentence)
        {
            Begin();
            await context.Response.WriteAsync($"event: sentence\ndata: {JsonSerializer.Serialize(sentence, AnsweringJson.Default.AnswerSentence)}\n\n", ct);
            await context.Response.Body.FlushAsync(ct);
            if (sent.Count == 0) metrics.FirstToken(started);
            sent.Add(sentence);
        }

        void Begin()
        {
            if (context.Response.HasStarted) return;
            context.Response.ContentType = "text/event-stream";
            context.Response.Headers.CacheControl = "no-store";
        }
    }

    private static async Task<Results<NoContent, NotFound>> FeedbackAsync(string id, FeedbackRequest request, AnswerReplay answers, CancellationToken ct)
    {
        if (request.Rating is not (1 or -1)) throw new RagException(ErrorKind.Invalid, $"The rating is {request.Rating}.", "Send 1 for helpful or -1 for not.");
        if (request.Comment?.Length > MaxCommentChars) throw new RagException(ErrorKind.Invalid, $"The comment has more than {MaxCommentChars} characters.", "Shorten it.");
        return await answers.RateAsync(id, request.Rating, request.Comment, ct) ? TypedResults.NoContent() : TypedResults.NotFound();
    }
}
