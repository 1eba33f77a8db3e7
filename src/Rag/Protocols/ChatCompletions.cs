using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Rag.Answering;
using Rag.Foundation;
using Rag.Inference;

namespace Rag.Protocols;

/// <summary>Answers chat requests (OpenAI's <c>POST /v1/chat/completions</c>) from the collection that they name as their model.</summary>
internal sealed class ChatCompletions(Answerer answerer, Embedder embedder, AnsweringMetrics metrics, ServerOptions server, TimeProvider time)
{
    private const string Stop = "stop", Length = "length";

    public async Task HandleAsync(HttpContext context)
    {
        var ct = context.RequestAborted;
        long started = Stopwatch.GetTimestamp();
        var request = await OpenAiBody.ReadAsync(context, OpenAiJson.Default.ChatRequest);
        Check(request);
        var conversation = Conversation.Of(request.Messages);
        var (rendered, cached) = await TimeBudget.RunAsync(
            server.QuestionTimeoutMs, (answerer, question: new AskRequest(conversation.Question, request.Model)), static (s, token) => s.answerer.AskAsync(s.question, token), ct);
        var answer = cached ? rendered.Answer with { Cached = true, CacheLayer = Caching.CacheLayer.Question } : rendered.Answer;
        var reply = new Reply(answer, request, embedder, time.GetUtcNow().ToUnixTimeSeconds());
        if (request.Stream == true)
        {
            await StreamAsync(context, request, reply, started, ct);
            return;
        }
        var (text, finish, annotations) = reply.Whole(context.Request);
        var completion = new ChatCompletion(
            reply.Id, "chat.completion", reply.Created, request.Model!, [new(0, new("assistant", text, annotations), finish)], reply.Usage(text), reply.Fingerprint, reply.Rag);
        context.Response.ContentType = "application/json; charset=utf-8";
        await JsonSerializer.SerializeAsync(context.Response.Body, completion, OpenAiJson.Default.ChatCompletion, ct);
    }

    private static void Check(ChatRequest request)
    {
        if (string.IsNullOrWhiteSpace(request.Model)) throw new RagException(ErrorKind.Invalid, "'model' is missing.", "Name a collection; GET /v1/models lists them.");
        if (request.N is not (null or 1)) throw new RagException(ErrorKind.Invalid, $"'n' is {request.N}.", "One answer is given: leave it out.");
        if ((request.MaxCompletionTokens ?? request.MaxTokens) is < 1) throw new RagException(ErrorKind.Invalid, "The most tokens is less than 1.", "Leave max_completion_tokens out, or choose 1 or more.");
        if (request.ResponseFormat?.Type is not (null or "text")) throw new RagException(ErrorKind.Invalid, $"'response_format' is {request.ResponseFormat.Type}.", "Answers are text; POST /v1/ask gives them as JSON with their sources.");
        if (request.ToolChoice is { } choice && (choice.ValueKind == JsonValueKind.Object || (choice.ValueKind == JsonValueKind.String && choice.GetString() is "required")))
            throw new RagException(ErrorKind.Invalid, "'tool_choice' asks for a call of a tool.", "No tools are called here: leave it out.");
    }

    private async Task StreamAsync(HttpContext context, ChatRequest request, Reply reply, long started, CancellationToken ct)
    {
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        bool usage = request.StreamOptions?.IncludeUsage == true;
        await SendAsync(new ChatDelta("assistant", ""));
        var (text, finish) = (new ChatText(context.Request, reply.Collection), Stop);
        foreach (var (part, annotations) in reply.Parts(text, f => finish = f))
        {
            await SendAsync(new ChatDelta(Content: part, Annotations: annotations.Count > 0 ? annotations : null));
            if (text.ToString().Length == part.Length) metrics.FirstToken(started);
        }
        await WriteAsync(Chunk([new(0, new()) { FinishReason = finish }]) with { Rag = reply.Rag });
        if (usage) await WriteAsync(Chunk([]) with { Usage = reply.Usage(text.ToString()) });
        await context.Response.WriteAsync("data: [DONE]\n\n", ct);

        ChatChunk Chunk(IReadOnlyList<ChatChunkChoice> choices) => new(reply.Id, "chat.completion.chunk", reply.Created, request.Model!, choices, reply.Fingerprint);

        Task SendAsync(ChatDelta delta) => WriteAsync(Chunk([new(0, delta)]));

        async Task WriteAsync(ChatChunk chunk)
        {
            await context.Response.WriteAsync($"data: {JsonSerializer.Serialize(chunk, OpenAiJson.Default.ChatChunk)}\n\n", ct);
            await context.Response.Body.FlushAsync(ct);
        }
    }

    /// <summary>One answer in the words of the interface.</summary>
    private sealed class Reply(Answer answer, ChatRequest request, Embedder embedder, long created)
    {
        private readonly int _limit = request.MaxCompletionTokens ?? request.MaxTokens ?? int.MaxValue;

        public string Id => "chatcmpl-" + answer.Id;

        public long Created => created;

        public string Collection => answer.Collection;

        /// <summary>The same position gives the same answer.</summary>
        public string Fingerprint => "fp_" + answer.IndexPosition.ToString(CultureInfo.InvariantCulture);

        public ChatAnswer Rag => new(answer.Id, answer.Outcome, answer.Cached, answer.Degraded, answer.DegradedReason, answer.IndexPosition);

        public (string Text, string Finish, IReadOnlyList<ChatAnnotation> Annotations) Whole(HttpRequest http)
        {
            var (text, finish, annotations) = (new ChatText(http, Collection), Stop, new List<ChatAnnotation>());
            string last = "";
            foreach (var (part, more) in Parts(text, f => finish = f))
            {
                last = part;
                annotations.AddRange(more);
            }
            return (answer.Sentences.Count == 0 ? last : text.ToString(), finish, annotations);
        }

        /// <summary>The content a sentence at a time; <paramref name="ended"/> is told why it ended before all was said.</summary>
        public IEnumerable<(string Part, IReadOnlyList<ChatAnnotation> Annotations)> Parts(ChatText text, Action<string> ended)
        {
            if (answer.Sentences.Count == 0)
            {
                yield return (answer.Text, []);
                yield break;
            }
            var sources = answer.Sources.ToDictionary(s => s.Number);
            bool first = true;
            foreach (var sentence in answer.Sentences)
            {
                if (!first && embedder.CountTokens(text.ToString()) + embedder.CountTokens(sentence.Text) > _limit)
                {
                    ended(Length);
                    yield break;
                }
                first = false;
                yield return text.Add(sentence, sources[sentence.Source]);
            }
        }

        public ChatUsage Usage(string content)
        {
            int prompt = request.Messages!.Sum(m => m.Content is { } c ? embedder.CountTokens(c.ToString()) : 0), completion = embedder.CountTokens(content.Length > 0 ? content : answer.Text);
            return new(prompt, completion, prompt + completion);
        }
    }
}

internal static class OpenAiBody
{
    /// <exception cref="RagException">Invalid: the body is not such JSON.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type) where T : class
    {
        try
        {
            return await JsonSerializer.DeserializeAsync(context.Request.Body, type, context.RequestAborted) ?? throw new JsonException("The body is null.");
        }
        catch (JsonException e)
        {
            throw new RagException(ErrorKind.Invalid, "The body is not the JSON object that this takes.", $"Look at {e.Path ?? "its syntax"}; the interface's page at /docs shows what is read.", e);
        }
    }
}
