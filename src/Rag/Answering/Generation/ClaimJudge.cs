using System.Text;
using System.Text.Json;
using Rag.Answering.Verification;
using Rag.Inference.Generation;

namespace Rag.Answering.Generation;

/// <summary>
/// Asks the language model whether passages say a sentence that the checks by words let through. It may withhold and can never
/// let pass: what wrote the sentence is no witness for it.
/// </summary>
internal sealed class ClaimJudge(LanguageModel model)
{
    private const int MaxOutputTokens = 32;

    /// <exception cref="Foundation.RagException">Unavailable: the model failed, or did not say.</exception>
    public async Task<bool> AgreesAsync(string claim, IReadOnlyList<CitedSpan> spans, TimeSpan left, CancellationToken ct)
    {
        var reply = new StringBuilder();
        bool agrees = false;
        await model.RunAsync(Prompts.Judge(claim, spans, Prompts.NewFence(), MaxOutputTokens), left, piece =>
        {
            if (piece is null) agrees = Read(reply.ToString());
            else reply.Append(piece);
            return ValueTask.FromResult(true);
        }, ct);
        return agrees;
    }

    /// <exception cref="ModelFaultException">Nonsense: it is not the object that was asked for.</exception>
    private static bool Read(string reply)
    {
        try
        {
            using var json = JsonDocument.Parse(reply, new JsonDocumentOptions { MaxDepth = 2 });
            if (json.RootElement is { ValueKind: JsonValueKind.Object } root && root.EnumerateObject().Count() == 1 && root.TryGetProperty("supported", out var value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False)
                return value.GetBoolean();
        }
        catch (JsonException e)
        {
            throw Nonsense(e);
        }
        throw Nonsense(null);
    }

    private static ModelFaultException Nonsense(Exception? e) => new(ModelFault.Nonsense, "did not judge a sentence in the form that it was asked for", e);
}
