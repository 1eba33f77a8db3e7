namespace Rag.Answering.Verification;

/// <summary>All that a claim cites, read: one row of tokens, with what is looked up in it by key, stem and meaning.</summary>
internal sealed class CitedText
{
    private const int MaxPlaces = 24, PrefixChars = 4;

    private readonly Dictionary<string, List<int>> _keys = new(StringComparer.Ordinal), _stems = new(StringComparer.Ordinal), _prefixes = new(StringComparer.Ordinal);
    private readonly Dictionary<int, List<int>> _groups = [];
    private readonly List<int> _quantities = [];

    public List<Token> Tokens { get; } = [];

    /// <summary>Of each token: the span in which it stands, from 0.</summary>
    public List<int> Spans { get; } = [];

    public Lexicon Lexicon { get; }

    public CitedText(IReadOnlyList<CitedSpan> spans, Lexicon lexicon)
    {
        Lexicon = lexicon;
        int sentences = 0, clauses = 0;
        for (int s = 0; s < spans.Count; s++)
        {
            Append(spans[s].Context, s, context: true, ref sentences, ref clauses);
            Append(spans[s].Text, s, context: false, ref sentences, ref clauses);
        }
        for (int i = 0; i < Tokens.Count; i++)
        {
            var token = Tokens[i];
            if (token.Kind == TokenKind.Boundary) continue;
            Put(_keys, token.Key, i);
            if (token.Kind is TokenKind.Number or TokenKind.Date) _quantities.Add(i);
            if (!token.IsContent) continue;
            Put(_stems, token.Stem, i);
            if (token.Key.Length > PrefixChars) Put(_prefixes, token.Key[..PrefixChars], i);
            foreach (int group in lexicon.GroupsOf(token.Stem))
            {
                if (!_groups.TryGetValue(group, out var list)) _groups[group] = list = [];
                list.Add(i);
            }
        }
    }

    private void Append(string text, int span, bool context, ref int sentences, ref int clauses)
    {
        if (text.Length == 0) return;
        var read = TokenReader.Read(text, Lexicon);
        foreach (var token in read)
        {
            token.Sentence = context ? -1 : token.Sentence + sentences;
            token.Clause += clauses;
            Tokens.Add(token);
            Spans.Add(span);
        }
        if (read.Count == 0) return;
        clauses = read[^1].Clause + 2;
        // A gap between spans: their sentences are no neighbours.
        if (!context) sentences = read[^1].Sentence + 3;
    }

    private static void Put(Dictionary<string, List<int>> table, string key, int place)
    {
        if (!table.TryGetValue(key, out var list)) table[key] = list = [];
        list.Add(place);
    }

    public IReadOnlyList<int> WithKey(string key) => _keys.GetValueOrDefault(key) ?? [];

    public IReadOnlyList<int> WithStem(string stem) => _stems.GetValueOrDefault(stem) ?? [];

    public IReadOnlyList<int> WithPrefixOf(string key) => key.Length > PrefixChars ? _prefixes.GetValueOrDefault(key[..PrefixChars]) ?? [] : [];

    public IReadOnlyList<int> Quantities => _quantities;

    /// <summary>Where a word of the claim may stand in what it cites, with how well it fits there.</summary>
    public List<(int Place, double Fit)> PlacesOf(IReadOnlyList<Token> claim, int index)
    {
        var token = claim[index];
        var places = new Dictionary<int, double>();
        if (token.Kind is TokenKind.Number or TokenKind.Date)
        {
            foreach (int place in _quantities)
                if (Fits.Quantity(claim, index, Tokens, place) is > 0 and var fit) places[place] = fit;
            // "First" and a number that is part of a name are also words.
            if (places.Count == 0 && token is { Kind: TokenKind.Number, Quantity.Ordinal: true }) foreach (int place in WithKey(token.Key)) places.TryAdd(place, 0.9);
        }
        else
        {
            foreach (int place in WithKey(token.Key)) places.TryAdd(place, Tokens[place].Kind == TokenKind.Function && token.Kind != TokenKind.Name ? 0.5 : 1);
            if (token.Kind != TokenKind.Identifier)
            {
                foreach (int place in WithStem(token.Stem)) places.TryAdd(place, 1);
                foreach (int place in WithPrefixOf(token.Key))
                    if (Fits.Derived(token, Tokens[place]) is > 0 and var fit) places.TryAdd(place, fit);
                if (token.Kind == TokenKind.Word)
                    foreach (int group in Lexicon.GroupsOf(token.Stem))
                        if (_groups.TryGetValue(group, out var list)) foreach (int place in list) if (!Tokens[place].IsStrict) places.TryAdd(place, Fits.Synonym);
            }
            foreach (int place in Fits.Acronym(claim, index, this)) places.TryAdd(place, 0.95);
        }
        return places.Count <= MaxPlaces ? [.. places.OrderBy(p => p.Key).Select(p => (p.Key, p.Value))]
            : [.. places.OrderByDescending(p => p.Value).ThenBy(p => p.Key).Take(MaxPlaces).OrderBy(p => p.Key).Select(p => (p.Key, p.Value))];
    }
}
