using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Rag.Answering;
using Rag.Answering.Generation;
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
        var question = new AskRequest(conversation.Question, request.Model, History: conversation.Turns.Count > 0 ? conversation.Turns : null);
        var reply = new Reply(request, embedder, new ChatText(context.Request, request.Model!), time.GetUtcNow().ToUnixTimeSeconds());
        if (request.Stream == true)
        {
            await StreamAsync(context, question, reply, request.StreamOptions?.IncludeUsage == true, started, ct);
            return;
        }
        var answer = await AnswerAsync(question, null, ct);
        var annotations = new List<ChatAnnotation>();
        foreach (var sentence in answer.Sentences)
            if (reply.Add(sentence, answer.Sources) is { } added) annotations.AddRange(added.Annotations);
        context.Response.ContentType = "application/json; charset=utf-8";
        await JsonSerializer.SerializeAsync(context.Response.Body, reply.Completion(answer, annotations), OpenAiJson.Default.ChatCompletion, ct);
    }

    private async Task<Answer> AnswerAsync(AskRequest question, AnswerStream? stream, CancellationToken ct)
    {
        try
        {
            var (rendered, cached) = await TimeBudget.RunAsync(server.QuestionTimeoutMs, (answerer, question, stream), static (s, token) => s.answerer.AskAsync(s.question, token, s.stream), ct);
            return rendered.Given(cached);
        }
        finally
        {
            stream?.Complete();
        }
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

    /// <summary>
    /// A chunk for each sentence, as soon as it is settled. What fails before the first is an error like any other; after it, an
    /// error in the stream, which the clients throw.
    /// </summary>
    private async Task StreamAsync(HttpContext context, AskRequest question, Reply reply, bool usage, long started, CancellationToken ct)
    {
        var stream = answerer.Streams ? new AnswerStream() : null;
        var asking = AnswerAsync(question, stream, ct);
        var sent = new List<AnswerSentence>();
        var sources = new List<AnswerSource>();
        try
        {
            if (stream is not null)
                await foreach (var settled in stream.ReadAllAsync(ct))
                {
                    sources.AddRange(settled.Sources);
                    await SendAsync(settled.Sentence, sources);
                }
            var answer = await asking;
            // What has left cannot be taken back: where the answer was made anew, it is not the beginning of it.
            if (!answer.Sentences.Take(sent.Count).SequenceEqual(sent)) throw Retrieval.Retriever.Unsettled();
            foreach (var sentence in answer.Sentences.Skip(sent.Count)) await SendAsync(sentence, answer.Sources);
            if (answer.Sentences.Count == 0) await WriteAsync(reply.Chunk([new(0, new("assistant", answer.Text))]));
            await WriteAsync(reply.Chunk([new(0, new()) { FinishReason = reply.Finish }]) with { Rag = Reply.Rag(answer) });
            if (usage) await WriteAsync(reply.Chunk([]) with { Usage = reply.Usage(answer) });
            await context.Response.WriteAsync("data: [DONE]\n\n", ct);
        }
        catch (RagException e) when (context.Response.HasStarted)
        {
            var (status, type, _) = Problems.Of(e.Kind);
            await context.Response.WriteAsync($"data: {JsonSerializer.Serialize(OpenAiErrors.Of(status, type, e.Message, e.Remedy), OpenAiJson.Default.OpenAiErrorBody)}\n\n", ct);
        }

        async Task SendAsync(AnswerSentence sentence, IReadOnlyList<AnswerSource> known)
        {
            sent.Add(sentence);
            if (reply.Add(sentence, known) is not { } added) return;
            await WriteAsync(reply.Chunk([new(0, new(sent.Count == 1 ? "assistant" : null, added.Part, added.Annotations))]));
            if (sent.Count == 1) metrics.FirstToken(started);
        }

        async Task WriteAsync(ChatChunk chunk)
        {
            if (!context.Response.HasStarted)
            {
                context.Response.ContentType = "text/event-stream";
                context.Response.Headers.CacheControl = "no-store";
            }
            await context.Response.WriteAsync($"data: {JsonSerializer.Serialize(chunk, OpenAiJson.Default.ChatChunk)}\n\n", ct);
            await context.Response.Body.FlushAsync(ct);
        }
    }

    /// <summary>One answer in the words of the interface, as it grows.</summary>
    private sealed class Reply(ChatRequest request, Embedder embedder, ChatText text, long created)
    {
        private readonly int _limit = request.MaxCompletionTokens ?? request.MaxTokens ?? int.MaxValue;
        private readonly string _number = Guid.CreateVersion7().ToString("N");

        public string Finish { get; private set; } = Stop;

        /// <summary>Adds a sentence; nothing is added any more once one went beyond the limit of tokens.</summary>
        public (string Part, IReadOnlyList<ChatAnnotation> Annotations)? Add(AnswerSentence sentence, IReadOnlyList<AnswerSource> sources)
        {
            string before = text.ToString();
            if (Finish == Stop && before.Length > 0 && _limit < int.MaxValue && embedder.CountTokens(before) + embedder.CountTokens(sentence.Text) > _limit) Finish = Length;
            return Finish == Length ? null : text.Add(sentence, sources.ToDictionary(s => s.Number));
        }

        public ChatCompletion Completion(Answer answer, IReadOnlyList<ChatAnnotation> annotations) => new(
            Id, "chat.completion", created, request.Model!, [new(0, new("assistant", Content(answer), annotations), Finish)], Usage(answer), Fingerprint(answer), Rag(answer));

        /// <param name="choices">None in the part that holds the usage.</param>
        public ChatChunk Chunk(IReadOnlyList<ChatChunkChoice> choices) => new(Id, "chat.completion.chunk", created, request.Model!, choices);

        public ChatUsage Usage(Answer answer)
        {
            int prompt = request.Messages!.Sum(m => m.Content is { } c ? embedder.CountTokens(c.ToString()) : 0), completion = embedder.CountTokens(Content(answer));
            return new(prompt, completion, prompt + completion);
        }

        public static ChatAnswer Rag(Answer a) => new(a.Id, a.Outcome, a.Cached, a.Degraded, a.DegradedReason, a.IndexPosition, a.Generation);

        private string Id => "chatcmpl-" + _number;

        private string Content(Answer answer) => answer.Sentences.Count == 0 ? answer.Text : text.ToString();

        /// <summary>The same position gives the same answer.</summary>
        private static string Fingerprint(Answer answer) => "fp_" + answer.IndexPosition.ToString(CultureInfo.InvariantCulture);
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
