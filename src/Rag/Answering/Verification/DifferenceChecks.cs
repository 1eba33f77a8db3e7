namespace Rag.Answering.Verification;

/// <summary>
/// A claim that repeats a sentence of the source, but for a word or two, is held against that sentence: what it exchanged must mean
/// the same. Elsewhere in the source the other word may well stand; there it belongs to another statement.
/// </summary>
internal sealed class DifferenceChecks(IReadOnlyList<Token> claim, CitedText source, Alignment alignment, Difference difference)
{
    /// <summary>Of the claim's words so many must stand in the source in order, for it to be a repetition.</summary>
    public const double Repetition = 0.5;

    /// <summary>Source words opposite; more than this was left out, not exchanged.</summary>
    private const int MaxOpposite = 7;

    private readonly IReadOnlyList<Token> _source = source.Tokens;

    public string? Run()
    {
        if (difference.Repeated < Repetition) return null;
        foreach (var hunk in difference.Hunks)
            if (Check(hunk) is { } wrong) return wrong;
        return null;
    }

    private string? Check(Hunk hunk)
    {
        if (hunk.Anchored < 1) return null;
        bool near = hunk.Source.Count <= MaxOpposite;
        foreach (int index in hunk.Claim)
        {
            var token = claim[index];
            if (token.Kind == TokenKind.Function)
            {
                if (near && Opposed(token, hunk.Source) is { } opposed) return opposed;
                continue;
            }
            if (hunk.Source.Any(p => Same(index, p))) continue;
            if (near && Opposed(token, hunk.Source) is { } wrong) return wrong;
            if (token.Kind == TokenKind.Operator)
            {
                if (Operators.MustBeInSource(token.Operator) && hunk.Source.Count <= 3 && hunk.Anchored >= 2 && !hunk.Source.Any(p => Operators.Implies(_source[p].Operator, token.Operator))) return $"the source does not say \"{token.Text}\" there";
                continue;
            }
            if (!(token.IsStrict || MayBeName(token)) || !near) continue;
            if (token.Kind is not (TokenKind.Number or TokenKind.Date) && hunk.Anchored < 2) continue;
            foreach (int place in hunk.Source)
                if ((SameSort(token, _source[place]) || (MayBeName(token) && MayBeName(_source[place]))) && !hunk.Claim.Any(c => Same(c, place))) return $"the source has {_source[place].Text} where the claim has {token.Text}";
        }
        return near ? Exchanged(hunk) : null;
    }

    /// <summary>A word or two opposite a word or two, between words that are the same: they must be known to mean the same.</summary>
    private string? Exchanged(Hunk hunk)
    {
        if (hunk.Anchored < 2 || hunk.Source.Count > MaxExchanged || hunk.Claim.Count > MaxExchanged) return null;
        var mine = hunk.Claim.Where(i => Says(claim[i]) && !hunk.Source.Any(p => Same(i, p))).ToList();
        var theirs = hunk.Source.Where(p => Says(_source[p]) && !hunk.Claim.Any(i => Same(i, p))).ToList();
        if (mine.Count is 0 or > 2 || theirs.Count is 0 or > 2) return null;
        // "Warsaw" for "the city": who is meant is said elsewhere.
        if (mine.All(i => alignment[i] >= 0 && claim[i].IsContent) && mine.Any(i => claim[i].Kind == TokenKind.Name) != theirs.Any(p => _source[p].Kind == TokenKind.Name)) return null;
        return $"the source says \"{string.Join(' ', theirs.Select(p => _source[p].Text))}\" where the claim says \"{string.Join(' ', mine.Select(i => claim[i].Text))}\"";
    }

    private const int MaxExchanged = 3;

    private static bool Says(Token token) => token.IsContent || token.Kind == TokenKind.Operator;

    private bool Same(int index, int place)
    {
        Token token = claim[index], other = _source[place];
        if (token.Kind is TokenKind.Number or TokenKind.Date && other.Kind is TokenKind.Number or TokenKind.Date) return Fits.Quantity(claim, index, _source, place) > 0 || StrictChecks.Agree(token, other);
        if (token.Kind == TokenKind.Operator) return Operators.Implies(other.Operator, token.Operator);
        if (token.Key == other.Key || (token.IsContent && token.Stem == other.Stem)) return true;
        if (token.Kind == TokenKind.Identifier || other.Kind == TokenKind.Identifier) return false;
        if (Fits.Derived(token, other) > 0) return true;
        return token.Kind == TokenKind.Word && source.Lexicon.GroupsOf(token.Stem).Intersect(source.Lexicon.GroupsOf(other.Stem)).Any();
    }

    /// <summary>A name, or the first word of a sentence, whose capital may be a name's.</summary>
    private bool MayBeName(Token token) => token.Kind is TokenKind.Name || (token is { Kind: TokenKind.Word, Capital: true, First: true } && source.Lexicon.CapitalsAreNames && !source.Lexicon.IsLight(token.Stem));

    private string? Opposed(Token token, IReadOnlyList<int> places)
    {
        foreach (int place in places)
        {
            var other = _source[place];
            if (source.Lexicon.AreOpposed(token.Stem, other.Stem) || (token.Kind == TokenKind.Operator && other.Kind == TokenKind.Operator && Operators.Group(token.Operator) != 0 && Operators.Group(token.Operator) == Operators.Group(other.Operator) && !Operators.Implies(other.Operator, token.Operator)))
                return $"the source says \"{other.Text}\" where the claim says \"{token.Text}\"";
        }
        return null;
    }

    private static bool SameSort(Token token, Token other) => token.Kind switch
    {
        TokenKind.Number or TokenKind.Date => other.Kind is TokenKind.Number or TokenKind.Date,
        TokenKind.Name or TokenKind.Identifier => other.Kind is TokenKind.Name or TokenKind.Identifier,
        _ => token.Kind == other.Kind,
    };
}
