using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Rag.Foundation;
using Rag.Inference;

namespace Rag.Protocols;

/// <summary>The product's own embeddings by OpenAI's <c>POST /v1/embeddings</c>.</summary>
internal sealed class EmbeddingDoor(Embedder embedder, ServerOptions server)
{
    private const int MaxTexts = 256;

    /// <summary>By its name, or with the exact weights.</summary>
    public bool Knows(string model) => embedder.ModelId is { } id && (model == embedder.ModelName || model == id);

    public async Task HandleAsync(HttpContext context)
    {
        var ct = context.RequestAborted;
        var request = await OpenAiBody.ReadAsync(context, OpenAiJson.Default.EmbeddingRequest);
        if (embedder.UnavailableReason is { } reason) throw new RagException(ErrorKind.Unavailable, $"There is no embedding model: {reason}", "'rag status' shows what is missing.");
        if (!Knows(request.Model ?? "")) throw new RagException(ErrorKind.NotFound, $"There is no embedding model '{request.Model}'.", $"The model is {embedder.ModelName}.");
        if (request.Dimensions is { } d && d != embedder.Dimensions) throw new RagException(ErrorKind.Invalid, $"'dimensions' is {d}.", $"The vectors of this model have {embedder.Dimensions}: leave it out.");
        if (request.EncodingFormat is not (null or "float" or "base64")) throw new RagException(ErrorKind.Invalid, $"'encoding_format' is '{request.EncodingFormat}'.", "Use float or base64.");
        var texts = Texts(request.Input);
        int tokens = 0;
        for (int i = 0; i < texts.Count; i++)
        {
            int these = embedder.CountTokens(texts[i]);
            if (these > embedder.MaxTokens) throw new RagException(ErrorKind.Invalid, $"Text {i} has {these:N0} tokens; the model reads {embedder.MaxTokens:N0}.", "Split it.");
            tokens += these;
        }
        var vectors = await TimeBudget.RunAsync(server.QuestionTimeoutMs, (embedder, texts), static async (s, token) => await s.embedder.EmbedAsync(s.texts, token), ct);
        bool base64 = request.EncodingFormat == "base64";
        var response = new EmbeddingResponse("list", [.. vectors.Select((v, i) => new EmbeddingView("embedding", i, base64 ? Base64(v) : JsonSerializer.SerializeToElement(v, OpenAiJson.Default.SingleArray)))], request.Model!, new(tokens, tokens));
        context.Response.ContentType = "application/json; charset=utf-8";
        await JsonSerializer.SerializeAsync(context.Response.Body, response, OpenAiJson.Default.EmbeddingResponse, ct);
    }

    private static JsonElement Base64(float[] vector)
    {
        // The interface means little-endian, which every machine that .NET runs on is.
        return JsonSerializer.SerializeToElement(Convert.ToBase64String(MemoryMarshal.AsBytes(vector.AsSpan())), OpenAiJson.Default.String);
    }

    private static List<string> Texts(JsonElement? input)
    {
        var texts = input switch
        {
            { ValueKind: JsonValueKind.String } one => [one.GetString()!],
            { ValueKind: JsonValueKind.Array } many when many.EnumerateArray().All(t => t.ValueKind == JsonValueKind.String) => many.EnumerateArray().Select(t => t.GetString()!).ToList(),
            { ValueKind: JsonValueKind.Array } => throw new RagException(ErrorKind.Invalid, "'input' holds token ids.", "Send text: the ids of another tokenizer mean something else here."),
            _ => throw new RagException(ErrorKind.Invalid, "'input' is missing.", "Send a string or an array of strings."),
        };
        if (texts.Count is 0 or > MaxTexts) throw new RagException(ErrorKind.Invalid, $"There are {texts.Count:N0} texts.", $"Send 1 to {MaxTexts}.");
        return texts.TrueForAll(t => !string.IsNullOrWhiteSpace(t)) ? texts : throw new RagException(ErrorKind.Invalid, "A text is empty.", "Leave it out.");
    }
}
