using System.Globalization;
using System.Text.RegularExpressions;
using Rag.Answering.Verification;
using Rag.Ingestion;

namespace Rag.Answering.Generation;

/// <summary>
/// Takes a composing model's reply as it comes, a sentence at a time: what its passages say is written, and what they do not
/// say is withheld, or what the product itself would have said takes its place.
/// </summary>
/// <param name="judge">Asked of what the verifier lets through; null: nobody is.</param>
internal sealed partial class Composing(EvidenceSheet sheet, IReadOnlyList<Evidence> evidence, Task<Selection> extracted, AnswerDraft draft, ClaimVerifier verifier, Func<string, IReadOnlyList<CitedSpan>, Task<bool>>? judge, string language)
{
    /// <summary>Sentences that are looked at.</summary>
    private const int MaxSentences = 12;

    /// <summary>A quotation takes a sentence's place where it has this share of its words, unless the sentence cites it.</summary>
    private const double MinLikeness = 0.3;

    private readonly ClaimSplitter _splitter = new();
    private int _sentences;

    public int Written { get; private set; }

    public int Withheld { get; private set; }

    public int Replaced { get; private set; }

    public int Dropped { get; private set; }

    /// <summary>The model says that the passages do not answer.</summary>
    public bool Declined { get; private set; }

    /// <param name="piece">Null where the reply is over.</param>
    /// <returns>False where no more is looked at.</returns>
    public async ValueTask<bool> TakeAsync(string? piece, CancellationToken ct)
    {
        foreach (var claim in piece is null ? _splitter.Flush() : _splitter.Append(piece))
        {
            // What says nothing is no loss: a table's rule, a heading over what follows.
            if (claim.Text.Length == 0 || claim.Kind == ClaimKind.Heading) continue;
            if (_sentences++ == MaxSentences) return false;
            await SettleAsync(claim, ct);
        }
        return true;
    }

    private async Task SettleAsync(ModelClaim claim, CancellationToken ct)
    {
        if (claim.Text.Trim(' ', '.', '"', '\'').Equals(Prompts.NoAnswer, StringComparison.OrdinalIgnoreCase))
        {
            Declined = true;
            return;
        }
        var units = claim.Citations.Select(n => sheet[n]).OfType<UnitChoice>().Distinct().ToList();
        Dropped += claim.Citations.Count - units.Count;
        if (units.Count > 0 && IsPlain(claim.Text, units) && await IsSaidAsync(claim.Text, units.ConvertAll(Cited), ct))
        {
            Written++;
            await draft.WriteAsync(claim.Text, units);
            return;
        }
        Withheld++;
        if (Substitute(claim.Text, units, await extracted.WaitAsync(ct)) is not { } unit) return;
        Replaced++;
        await Selecting.QuoteAsync(draft, evidence, unit);
    }

    private async ValueTask<bool> IsSaidAsync(string claim, IReadOnlyList<CitedSpan> spans, CancellationToken ct) =>
        (await verifier.VerifyAsync(claim, spans, language, ct)).Supported && (judge is null || await judge(claim, spans));

    /// <summary>
    /// What the product itself would have said in a sentence's place: of the units that it chooses, one that the sentence
    /// cites, or that has much of its words; none where all that fits is said already.
    /// </summary>
    private UnitChoice? Substitute(string sentence, IReadOnlyList<UnitChoice> cited, Selection extraction)
    {
        var words = Words(sentence);
        return extraction.Units.Where(u => !draft.Holds(u))
            .Select(u => (Unit: u, Cited: cited.Contains(u), Likeness: Likeness(Words(TextOf(u)), words)))
            .Where(c => c.Cited || c.Likeness >= MinLikeness)
            .OrderByDescending(c => c.Cited).ThenByDescending(c => c.Likeness).Select(c => (UnitChoice?)c.Unit).FirstOrDefault();
    }

    private static double Likeness(HashSet<string> one, HashSet<string> other) => one.Count == 0 || other.Count == 0 ? 0 : (double)one.Count(other.Contains) / Math.Min(one.Count, other.Count);

    private static HashSet<string> Words(string text) =>
        [.. text.ToLowerInvariant().Split([' ', '\n', '\t', '.', ',', ';', ':', '?', '!', '(', ')', '|'], StringSplitOptions.RemoveEmptyEntries).Where(w => w.Length > 3)];

    /// <summary>
    /// Whether the sentence is prose and nothing else: an address, a tag or a link that its sources do not have, or a character
    /// that is not seen, is more than words, and none of a model's to add, however true the rest.
    /// </summary>
    private bool IsPlain(string sentence, IReadOnlyList<UnitChoice> units) =>
        !sentence.Any(c => char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse)
        && Marks.Matches(sentence).All(m => units.Any(u => TextOf(u).Contains(m.Value, StringComparison.Ordinal)));

    /// <summary>Web and mail addresses, host names, HTML, and Markdown's links and pictures.</summary>
    [GeneratedRegex(@"\w+://[^\s)>\]]*[^\s)>\].,;:!?]|\bwww\.[^\s)>\]]+|[\w.+-]+@[\w-]+\.[\w.-]*\w|\b(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/[^\s)>\]]*)?|</?[a-zA-Z!][^>]*>?|!?\[[^\]]*\]\([^)]*\)?", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase, matchTimeoutMilliseconds: 2_000)]
    private static partial Regex Marks { get; }

    private CitedSpan Cited(UnitChoice unit)
    {
        var chunk = evidence[unit.Evidence].Chunk;
        string context = Chunk.Place(chunk.Title, chunk.HeadingPath);
        if (ExtractiveAnswerer.HeaderOf(evidence, unit) is { } header) context += "\n" + chunk.TextOf(chunk.Units[header.Unit]);
        else if (chunk.Units[unit.Unit].Kind == UnitKind.TableRow && chunk.Context.Length > 0) context += "\n" + chunk.Context;
        // Whom a sentence means by "they" often stands in the one before.
        else if (unit.Unit > 0) context += "\n" + chunk.TextOf(chunk.Units[unit.Unit - 1]);
        return new(TextOf(unit), context);
    }

    private string TextOf(UnitChoice unit) => evidence[unit.Evidence].Chunk.TextOf(evidence[unit.Evidence].Chunk.Units[unit.Unit]);
}
