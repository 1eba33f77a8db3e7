using Rag.Answering.Verification;
using Rag.Foundation;
using Rag.Inference.Generation;
using Rag.Ingestion;

namespace Rag.Answering.Generation;

/// <summary>
/// Makes an answer of evidence by asking the language model, and completes it from the extraction whatever the model does.
/// In no mode does the model decide what is shown of what: selected passages are the evidence's own text, and a composed
/// sentence is delivered only where the passages that it cites say it.
/// </summary>
internal sealed class Generator(LanguageModel model, GenerationOptions options, ClaimVerifier verifier, ClaimJudge judge, TimeProvider time, AnsweringMetrics metrics)
{
    public bool Configured => options.Configured;

    public string Mode => options.Mode;

    public string PromptVersion => Prompts.VersionOf(options.Mode);

    public string Model => model.Name;

    public int TimeoutMs => options.TimeoutMs;

    /// <summary>Chunks that an answer is made from.</summary>
    public int Chunks => Configured ? Math.Max(options.Chunks, ExtractiveAnswerer.MaxEvidence) : ExtractiveAnswerer.MaxEvidence;

    /// <summary>Everything beside question and evidence that an answer depends on.</summary>
    public string Version { get; } = options.Configured
        ? $"{Prompts.VersionOf(options.Mode)} {ExtractiveAnswerer.Version} {options.Provider} {options.Endpoint} {options.Model} {options.ContextTokens} {options.MaxOutputTokens} {options.Chunks} {options.StructuredOutput} {options.Judge}"
        : ExtractiveAnswerer.Version;

    /// <summary>Reads the words that sentences are checked by (a fifth of a second), so that the first sentence does not wait for them.</summary>
    public Task WarmAsync(CancellationToken ct) => !Configured || Mode != GenerationOptions.Compose ? Task.CompletedTask
        : Task.Run(() => verifier.VerifyAsync("The pump stands in hall 3.", [new("The blue pump stands in hall 3.")], Languages.Default, ct), ct);

    /// <param name="extracted">What the product chooses by itself from the same evidence; it is chosen meanwhile.</param>
    /// <param name="draft">Takes the sentences as they are settled.</param>
    /// <param name="left">What is left of the model's time.</param>
    public async Task<ModelAnswer> AnswerAsync(string question, string language, IReadOnlyList<Evidence> evidence, Task<Selection> extracted, AnswerDraft draft, TimeSpan left, CancellationToken ct)
    {
        var shown = evidence.Take(options.Chunks).ToList();
        var sheet = EvidenceSheet.Of(shown, Prompts.SheetBudget(options.Mode, question, options.ContextTokens, options.MaxOutputTokens));
        string fence = Prompts.NewFence();
        var request = Prompts.Answer(options.Mode, question, sheet, fence, options.MaxOutputTokens);
        var selecting = new Selecting(sheet, evidence, draft);
        long began = time.GetTimestamp();
        var composing = new Composing(sheet, evidence, extracted, draft, verifier, options.Judge ? (claim, spans) => judge.AgreesAsync(claim, spans, left - time.GetElapsedTime(began), ct) : null, language);
        string? degraded = null;
        try
        {
            await model.RunAsync(request, left, options.Mode == GenerationOptions.Compose ? piece => composing.TakeAsync(piece, ct) : selecting.TakeAsync, ct);
        }
        catch (RagException e)
        {
            degraded = e.Message;
        }
        bool own = selecting.Chosen + composing.Written > 0;
        if (degraded is null && !own && options.Mode == GenerationOptions.Compose && !composing.Declined) degraded = "The language model wrote nothing that the documents say.";
        if (degraded is not null)
            foreach (var unit in (await extracted.WaitAsync(ct)).Units)
                if (!draft.Holds(unit)) await draft.QuoteAsync(unit);
        metrics.Withheld(composing.Withheld);
        return new(
            own || degraded is null ? options.Mode : GenerationOptions.Extractive, draft.Sentences, fence, request.Sha256(model.Name), options.ContextTokens, options.MaxOutputTokens, options.Chunks,
            composing.Withheld, composing.Replaced, selecting.Dropped + composing.Dropped, degraded);
    }
}
