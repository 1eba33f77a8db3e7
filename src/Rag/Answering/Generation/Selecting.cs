using Rag.Inference.Generation;

namespace Rag.Answering.Generation;

/// <summary>
/// Takes a selecting model's reply as it comes and quotes what it names: numbers that were not shown, were said before or are
/// too many are dropped, and nothing but the evidence's own text is ever put into the draft.
/// </summary>
internal sealed class Selecting(EvidenceSheet sheet, IReadOnlyList<Evidence> evidence, AnswerDraft draft)
{
    /// <summary>Passages that a model may choose; rows' headers come on top.</summary>
    public const int MaxChosen = 8;

    private readonly UnitNumbers _numbers = new();

    public int Chosen { get; private set; }

    public int Dropped { get; private set; }

    /// <param name="piece">Null where the reply is over.</param>
    /// <returns>False where the rest cannot change anything.</returns>
    /// <exception cref="ModelFaultException">Nonsense: it is not in the form that was asked for, or names only what was not shown.</exception>
    public async ValueTask<bool> TakeAsync(string? piece)
    {
        if (piece is null) return _numbers.Complete ? false : throw UnitNumbers.Nonsense();
        foreach (int number in _numbers.Take(piece))
        {
            if (Chosen == MaxChosen || sheet[number] is not { } unit || draft.Quotes(unit))
            {
                Dropped++;
                continue;
            }
            Chosen++;
            await QuoteAsync(draft, evidence, unit);
        }
        if (!_numbers.Complete) return true;
        return Chosen == 0 && Dropped > 0 ? throw new ModelFaultException(ModelFault.Nonsense, "named only passages that it was not shown") : false;
    }

    public static async ValueTask QuoteAsync(AnswerDraft draft, IReadOnlyList<Evidence> evidence, UnitChoice unit)
    {
        // A row says what it says together with its table's first.
        if (ExtractiveAnswerer.HeaderOf(evidence, unit) is { } header) await draft.QuoteAsync(header);
        await draft.QuoteAsync(unit);
    }
}
