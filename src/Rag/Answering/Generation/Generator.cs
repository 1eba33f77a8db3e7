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
internal sealed class Generator(LanguageModel model, GenerationOptions options, ClaimVerifier verifier, AnsweringMetrics metrics)
{
    /// <summary>Passages that a selecting model may choose; rows' headers come on top.</summary>
    public const int MaxChosen = 8;

    /// <summary>Sentences of a composing model that are looked at.</summary>
    private const int MaxSentences = 12;

    /// <summary>A quotation takes a sentence's place where it has this share of its words, unless the sentence cites it.</summary>
    private const double MinLikeness = 0.3;

    private sealed class Counts
    {
        public int Withheld, Replaced, Dropped;
        public bool Own, Declined;
    }

    public bool Configured => options.Configured;

    public string Mode => options.Mode;

    public string PromptVersion => Prompts.VersionOf(options.Mode);

    public string Model => model.Name;

    public int TimeoutMs => options.TimeoutMs;

    /// <summary>Chunks that an answer is made from.</summary>
    public int Chunks => Configured ? Math.Max(options.Chunks, ExtractiveAnswerer.MaxEvidence) : ExtractiveAnswerer.MaxEvidence;

    /// <summary>Everything beside question and evidence that an answer depends on.</summary>
    public string Version { get; } = options.Configured
        ? $"{Prompts.VersionOf(options.Mode)} {ExtractiveAnswerer.Version} {options.Provider} {options.Endpoint} {options.Model} {options.ContextTokens} {options.MaxOutputTokens} {options.Chunks} {options.StructuredOutput}"
        : ExtractiveAnswerer.Version;

    /// <param name="extracted">What the product chooses by itself from the same evidence.</param>
    /// <param name="draft">Takes the sentences as they are settled.</param>
    /// <param name="left">What is left of the model's time.</param>
    public async Task<ModelAnswer> AnswerAsync(string question, string language, IReadOnlyList<Evidence> evidence, Selection extracted, AnswerDraft draft, TimeSpan left, CancellationToken ct)
    {
        var shown = evidence.Take(options.Chunks).ToList();
        var sheet = EvidenceSheet.Of(shown, Prompts.SheetBudget(options.Mode, question, options.ContextTokens, options.MaxOutputTokens));
        string fence = Prompts.NewFence();
        var request = Prompts.Answer(options.Mode, question, sheet, fence, options.MaxOutputTokens);
        var counts = new Counts();
        string? degraded = null;
        try
        {
            if (options.Mode == GenerationOptions.Compose) await ComposeAsync(request, sheet, language, evidence, extracted, draft, counts, left, ct);
            else await SelectAsync(request, sheet, evidence, draft, counts, left, ct);
        }
        catch (RagException e)
        {
            degraded = e.Message;
        }
        if (degraded is null && draft.Sentences.Count == 0 && counts.Withheld > 0 && !counts.Declined) degraded = "The language model wrote nothing that the documents say.";
        if (degraded is not null)
            foreach (var unit in extracted.Units)
                if (!draft.Holds(unit)) await draft.QuoteAsync(unit);
        string mode = counts.Own || degraded is null ? options.Mode : GenerationOptions.Extractive;
        metrics.Withheld(counts.Withheld);
        return new(mode, draft.Sentences, fence, request.Sha256(model.Name), options.ContextTokens, options.MaxOutputTokens, options.Chunks, counts.Withheld, counts.Replaced, counts.Dropped, degraded);
    }

    private async Task SelectAsync(ModelRequest request, EvidenceSheet sheet, IReadOnlyList<Evidence> evidence, AnswerDraft draft, Counts counts, TimeSpan left, CancellationToken ct)
    {
        var numbers = new UnitNumbers();
        int chosen = 0;
        await model.RunAsync(request, left, async piece =>
        {
            if (piece is null) return numbers.Complete ? true : throw UnitNumbers.Nonsense();
            foreach (int number in numbers.Take(piece))
            {
                if (chosen == MaxChosen || sheet[number] is not { } unit || draft.Quotes(unit))
                {
                    counts.Dropped++;
                    continue;
                }
                chosen++;
                counts.Own = true;
                await QuoteAsync(draft, evidence, unit);
            }
            // Behind the object comes nothing that could change it.
            if (!numbers.Complete) return true;
            return chosen == 0 && counts.Dropped > 0 ? throw new ModelFaultException(ModelFault.Nonsense, "named only passages that it was not shown") : false;
        }, ct);
    }

    private async Task ComposeAsync(
        ModelRequest request, EvidenceSheet sheet, string language, IReadOnlyList<Evidence> evidence, Selection extracted, AnswerDraft draft, Counts counts, TimeSpan left, CancellationToken ct)
    {
        var splitter = new ClaimSplitter();
        int sentences = 0;
        await model.RunAsync(request, left, async piece =>
        {
            foreach (var claim in piece is null ? splitter.End() : splitter.Take(piece))
            {
                if (sentences++ == MaxSentences) return false;
                await SettleAsync(claim);
            }
            return true;
        }, ct);

        async Task SettleAsync(Claim claim)
        {
            if (claim.Text.Trim(' ', '.', '"', '\'', '*', '\n').Equals(Prompts.NoAnswer, StringComparison.OrdinalIgnoreCase))
            {
                counts.Declined = true;
                return;
            }
            var units = claim.Cites.Select(n => sheet[n]).OfType<UnitChoice>().Distinct().ToList();
            counts.Dropped += claim.Cites.Count - units.Count;
            bool supported = units.Count > 0 && (await verifier.VerifyAsync(claim.Text, units.ConvertAll(u => Cited(evidence, u)), language, ct)).Supported;
            if (supported)
            {
                counts.Own = true;
                await draft.WriteAsync(claim.Text, units);
                return;
            }
            counts.Withheld++;
            if (Substitute(claim.Text, units, sheet, extracted, draft) is not { } unit) return;
            counts.Replaced++;
            await QuoteAsync(draft, evidence, unit);
        }
    }

    /// <summary>
    /// What the product itself would have said in a sentence's place: of the units that it chooses, one that the sentence
    /// cites, or that has much of its words; none where all that fits is said already.
    /// </summary>
    private static UnitChoice? Substitute(string sentence, IReadOnlyList<UnitChoice> cited, EvidenceSheet sheet, Selection extracted, AnswerDraft draft)
    {
        var words = Words(sentence);
        return extracted.Units.Where(u => !draft.Holds(u))
            .Select(u => (Unit: u, Cited: cited.Contains(u), Likeness: Words(sheet.TextOf(u)) is { Count: > 0 } own ? (double)own.Count(words.Contains) / Math.Max(1, Math.Min(own.Count, words.Count)) : 0))
            .Where(c => c.Cited || c.Likeness >= MinLikeness)
            .OrderByDescending(c => c.Cited).ThenByDescending(c => c.Likeness).Select(c => (UnitChoice?)c.Unit).FirstOrDefault();

        static HashSet<string> Words(string text) => [.. text.Split([' ', '\n', '\t', '.', ',', ';', ':', '?', '!', '(', ')', '|'], StringSplitOptions.RemoveEmptyEntries).Where(w => w.Length > 3).Select(w => w.ToLowerInvariant())];
    }

    private static async ValueTask QuoteAsync(AnswerDraft draft, IReadOnlyList<Evidence> evidence, UnitChoice unit)
    {
        // A row says what it says together with its table's first.
        if (ExtractiveAnswerer.HeaderOf(evidence, unit) is { } header) await draft.QuoteAsync(header);
        await draft.QuoteAsync(unit);
    }

    private static CitedSpan Cited(IReadOnlyList<Evidence> evidence, UnitChoice unit)
    {
        var chunk = evidence[unit.Evidence].Chunk;
        string context = Chunk.Place(chunk.Title, chunk.HeadingPath);
        if (ExtractiveAnswerer.HeaderOf(evidence, unit) is { } header) context += "\n" + chunk.TextOf(chunk.Units[header.Unit]);
        else if (chunk.Units[unit.Unit].Kind == UnitKind.TableRow && chunk.Context.Length > 0) context += "\n" + chunk.Context;
        // Whom a sentence means by "they" often stands in the one before.
        else if (unit.Unit > 0) context += "\n" + chunk.TextOf(chunk.Units[unit.Unit - 1]);
        return new(chunk.TextOf(chunk.Units[unit.Unit]), context);
    }
}
