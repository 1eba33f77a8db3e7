namespace Rag.Answering.Generation;

/// <summary>A sentence of a draft: a unit word for word, or a model's words with the units that say them.</summary>
/// <param name="Text">The model's words; null where it is the unit itself.</param>
internal sealed record DraftSentence(string? Text, IReadOnlyList<UnitChoice> Units);

/// <summary>
/// An answer while it is made: sentences are numbered to their sources as they are settled, and leave at once where somebody
/// waits for them. A unit is quoted once.
/// </summary>
internal sealed class AnswerDraft(IReadOnlyList<Evidence> evidence, Func<AnswerSentence, IReadOnlyList<AnswerSource>, ValueTask>? settled)
{
    private readonly List<DraftSentence> _sentences = [];
    private readonly SourceNumbers _numbers = new();
    private readonly HashSet<UnitChoice> _quoted = [];

    public IReadOnlyList<DraftSentence> Sentences => _sentences;

    public bool Quotes(UnitChoice unit) => _quoted.Contains(unit);

    /// <summary>Whether the unit is quoted, or a sentence says what it says.</summary>
    public bool Holds(UnitChoice unit) => _numbers.Has(unit);

    public ValueTask QuoteAsync(UnitChoice unit) => _quoted.Add(unit) ? AddAsync(new(null, [unit])) : ValueTask.CompletedTask;

    public ValueTask WriteAsync(string text, IReadOnlyList<UnitChoice> units) => AddAsync(new(text, units));

    private async ValueTask AddAsync(DraftSentence sentence)
    {
        _sentences.Add(sentence);
        int before = _numbers.Count;
        var numbers = _numbers.Of(sentence.Units);
        if (settled is null) return;
        var sources = _numbers.Units.Skip(before).Select((u, i) => AnswerRendering.Source(evidence, u, before + i + 1)).ToList();
        await settled(AnswerRendering.Sentence(evidence, sentence.Text, sentence.Units, numbers), sources);
    }
}

/// <summary>Numbers sources from 1 in the order in which they are first cited.</summary>
internal sealed class SourceNumbers
{
    private readonly Dictionary<UnitChoice, int> _numbers = [];
    private readonly List<UnitChoice> _units = [];

    public int Count => _units.Count;

    public IReadOnlyList<UnitChoice> Units => _units;

    public bool Has(UnitChoice unit) => _numbers.ContainsKey(unit);

    public IReadOnlyList<int> Of(IReadOnlyList<UnitChoice> units)
    {
        var numbers = new List<int>(units.Count);
        foreach (var unit in units)
        {
            if (!_numbers.TryGetValue(unit, out int number))
            {
                _units.Add(unit);
                _numbers.Add(unit, number = _units.Count);
            }
            numbers.Add(number);
        }
        return numbers;
    }
}
