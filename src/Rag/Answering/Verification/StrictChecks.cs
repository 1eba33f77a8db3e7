namespace Rag.Answering.Verification;

/// <summary>
/// What makes a claim wrong however many of its words are in the source: a number, a date or a name that is not there or stands
/// for another one there; a negation, a bound, a condition too much or too little; the opposite word; subject and object exchanged.
/// </summary>
internal sealed class StrictChecks(IReadOnlyList<Token> claim, CitedText source, Alignment alignment, double repeated)
{
    /// <summary>How far an operator reaches, in words that carry meaning.</summary>
    private const int Reach = 3;

    /// <summary>How many words may be put in or left out between neighbours.</summary>
    private const int Slack = 2;

    /// <summary>Below this share of words repeated in order, names and quantifiers stand where the writer likes.</summary>
    private const double Loosely = 0.42, Closely = 0.55;

    /// <summary>A claim of so few words says one thing of one name; which one is all that it says.</summary>
    private const int Short = 7;

    private readonly IReadOnlyList<Token> _source = source.Tokens;

    private bool IsShort { get; } = claim.Count(t => t.IsContent) <= Short;

    /// <summary>The first thing that is wrong, as a clause for people; null where nothing is.</summary>
    public string? Run() => Missing() ?? Misplaced() ?? Foreign() ?? Antecedent() ?? ClaimOperators() ?? SourceOperators() ?? Opposites() ?? Counted() ?? Exchanged();

    // What must be there.

    private string? Missing()
    {
        for (int i = 0; i < claim.Count; i++)
        {
            var token = claim[i];
            if (token.Kind == TokenKind.Number && alignment[i] >= 0 && Taken(i)) return $"the source has {token.Text} only once";
            if (alignment[i] >= 0) continue;
            if (token.Kind == TokenKind.Number) return $"the number {token.Text} is not in the source";
            if (token.Kind == TokenKind.Date && !DateFromParts(token.Date)) return $"the date {Show(token)} is not in the source";
            if (token.Kind == TokenKind.Identifier) return $"\"{token.Text}\" is not in the source";
            if (token.Kind == TokenKind.Name && !IsInitial(i) && !(repeated < Closely && IsPartOfName(i))) return $"the name {token.Text} is not in the source";
        }
        return null;
    }

    /// <summary>Another number of the claim stands at this place already.</summary>
    private bool Taken(int index)
    {
        for (int i = 0; i < index; i++)
            if (alignment[i] == alignment[index] && claim[i].Kind == TokenKind.Number) return true;
        return false;
    }

    /// <summary>"In December 2012", where the source says "last December" in an article of 2012.</summary>
    private bool DateFromParts(CalendarDate date)
    {
        if (date.Year is not { } year || date.Month is not { } month) return false;
        bool hasYear = false, hasMonth = false;
        foreach (int place in source.Quantities)
        {
            var token = _source[place];
            if (token.Kind == TokenKind.Number) hasYear |= token.Quantity.YearLike && token.Quantity.Value == year;
            else
            {
                hasYear |= token.Date.Year == year;
                hasMonth |= token.Date.Year is null && token.Date.Month == month && (date.Day is null || token.Date.Day == date.Day);
            }
        }
        return hasYear && hasMonth;
    }

    /// <summary>A writer in words of their own may give a name in full of which the source has a part.</summary>
    private bool IsPartOfName(int index)
    {
        int known = 0, all = 1;
        for (int step = -1; step <= 1; step += 2)
            for (int i = index + step; i >= 0 && i < claim.Count && claim[i].Kind == TokenKind.Name; i += step)
            {
                all++;
                if (alignment[i] >= 0) known++;
            }
        return 2 * known >= all;
    }

    /// <summary>"J. Smith" for "John Smith".</summary>
    private bool IsInitial(int index)
    {
        if (claim[index].Text.Length != 1 || index + 1 >= claim.Count) return false;
        int next = index + 1;
        while (next < claim.Count && claim[next].Kind == TokenKind.Boundary) next++;
        if (next >= claim.Count || alignment[next] <= 0) return false;
        for (int place = alignment[next] - 1; place >= 0 && place >= alignment[next] - 3; place--)
            if (_source[place].Capital && _source[place].Key[0] == claim[index].Key[0]) return true;
        return false;
    }

    // What must stand where it does.

    /// <summary>A number, date or name that the source has, but has another one in this place.</summary>
    private string? Misplaced()
    {
        for (int i = 0; i < claim.Count; i++)
        {
            if (!claim[i].IsStrict || alignment[i] < 0 || (repeated < Closely && !IsShort && claim[i].Kind is not (TokenKind.Number or TokenKind.Date))) continue;
            int end = GroupEnd(i);
            var left = Left(i, end, out int leftOther);
            var right = Right(i, end, out int rightOther);
            if ((left == Side.Other || right == Side.Other) && left != Side.Fits && right != Side.Fits)
            {
                int other = left == Side.Other ? leftOther : rightOther;
                return $"the source has {Show(_source[other])} where the claim has {Show(claim[i])}";
            }
            i = end;
        }
        return null;
    }

    /// <summary>
    /// A number or date out of another sentence than all that is said around it, where that sentence has one of its own, which the
    /// claim leaves out.
    /// </summary>
    private string? Foreign()
    {
        HashSet<int>? used = null;
        for (int i = 0; i < claim.Count; i++)
        {
            if (claim[i].Kind is not (TokenKind.Number or TokenKind.Date) || alignment[i] < 0 || claim[i].Quantity.Ordinal) continue;
            var at = _source[alignment[i]];
            if (at.Sentence < 0) continue;
            var around = new Dictionary<int, double>();
            for (int k = Math.Max(0, i - 12); k < Math.Min(claim.Count, i + 13); k++)
                if (k != i && claim[k].IsContent && alignment[k] >= 0 && claim[k].Sentence == claim[i].Sentence)
                    around[_source[alignment[k]].Sentence] = around.GetValueOrDefault(_source[alignment[k]].Sentence) + claim[k].Weight;
            if (around.Count == 0 || around.ContainsKey(at.Sentence)) continue;
            int main = around.MaxBy(p => p.Value).Key;
            if (main < 0 || around[main] < 0.7 * around.Values.Sum()) continue;
            used ??= [.. Enumerable.Range(0, claim.Count).Select(k => alignment[k])];
            foreach (int place in source.Quantities)
                if (_source[place].Sentence == main && !used.Contains(place) && SameSort(claim[i], _source[place]) && !Agree(claim[i], _source[place])) return $"the source has {Show(_source[place])} where the claim has {Show(claim[i])}";
        }
        return null;
    }

    /// <summary>
    /// A name that takes the place of a pronoun must be the one that the pronoun means: the first of its own sentence, as far as
    /// can be told, or one of the headings.
    /// </summary>
    private string? Antecedent()
    {
        if (repeated < Closely) return null;
        for (int i = 0; i < claim.Count; i++)
        {
            if (claim[i].Kind != TokenKind.Name || alignment[i] < 0 || _source[alignment[i]].Sentence < 0) continue;
            int end = GroupEnd(i), at = _source[alignment[i]].Sentence, main = -1;
            double there = 0, elsewhere = 0;
            for (int k = 0; k < claim.Count; k++)
            {
                if (k >= i && k <= end || !claim[k].IsContent || alignment[k] < 0) continue;
                if (_source[alignment[k]].Sentence == at) there += claim[k].Weight;
                else elsewhere += claim[k].Weight;
                if (k > end && main < 0) main = _source[alignment[k]].Sentence;
            }
            if (there > 0 || elsewhere < 3 || main < 0 || main == at) continue;
            for (int place = alignment[i] - 1; place >= 0 && _source[place].Sentence == at; place--)
            {
                if (_source[place].Kind is not TokenKind.Name && !(_source[place] is { Kind: TokenKind.Word, Capital: true, First: true })) continue;
                if (Enumerable.Range(i, end - i + 1).Any(k => alignment[k] == place || _source[place].Key == claim[k].Key)) continue;
                if (place >= alignment[i] - 2) continue;
                return $"the source says it of {_source[place].Text}, as far as can be told, not of {claim[i].Text}";
            }
            i = end;
        }
        return null;
    }

    private enum Side { Unknown, Fits, Other }

    /// <summary>The last word of the same name, or the number alone.</summary>
    private int GroupEnd(int from)
    {
        int end = from;
        if (claim[from].Kind is not TokenKind.Name) return end;
        for (int i = from + 1; i < claim.Count && i - end <= 3; i++)
        {
            if (claim[i].Kind == TokenKind.Boundary) break;
            if (claim[i].Kind == TokenKind.Name)
            {
                if (alignment[i] < 0 || Math.Abs(alignment[i] - alignment[end]) > i - end + 1) break;
                end = i;
            }
            else if (claim[i].Kind != TokenKind.Function) break;
        }
        return end;
    }

    private Side Left(int from, int end, out int other)
    {
        other = -1;
        int anchor = from - 1;
        while (anchor >= 0 && from - anchor <= 6 && !IsAnchor(anchor, from)) anchor--;
        if (anchor < 0 || from - anchor > 6 || claim[anchor].Sentence != claim[from].Sentence) return Side.Unknown;
        int at = alignment[anchor], distance = from - anchor;
        if (_source[at].Sentence < 0) return Side.Unknown;
        int step = alignment[from] - at;
        if (step > 0 && step <= distance + Slack) return Side.Fits;
        for (int place = at + 1; place < _source.Count && place <= at + distance + Slack; place++)
        {
            if (_source[place].Sentence != _source[at].Sentence) break;
            if (!SameSort(claim[from], _source[place]) || Belongs(place, from, end) || Agree(claim[from], _source[place]) || IsNamedElsewhere(place)) continue;
            if (IsList(place, alignment[from])) return Side.Fits;
            other = place;
            return Side.Other;
        }
        return Side.Unknown;
    }

    private Side Right(int from, int end, out int other)
    {
        other = -1;
        int anchor = end + 1;
        while (anchor < claim.Count && anchor - end <= 6 && !IsAnchor(anchor, end)) anchor++;
        if (anchor >= claim.Count || anchor - end > 6 || claim[anchor].Sentence != claim[end].Sentence) return Side.Unknown;
        int at = alignment[anchor], distance = anchor - end;
        if (_source[at].Sentence < 0) return Side.Unknown;
        int step = at - alignment[end];
        if (step > 0 && step <= distance + Slack) return Side.Fits;
        for (int place = at - 1; place >= 0 && place >= at - distance - Slack; place--)
        {
            if (_source[place].Sentence != _source[at].Sentence) break;
            if (!SameSort(claim[end], _source[place]) || Belongs(place, from, end) || Agree(claim[end], _source[place]) || IsNamedElsewhere(place)) continue;
            if (IsList(alignment[end], place)) return Side.Fits;
            other = place;
            return Side.Other;
        }
        return Side.Unknown;
    }

    /// <summary>What else is said beside it: another sort of word, that the source has too.</summary>
    private bool IsAnchor(int index, int of) => alignment[index] >= 0 && claim[index].IsContent && !SameSort(claim[of], claim[index]);

    /// <summary>The claim has this name too, at another place: whether it may is for <see cref="Exchanged"/> to say.</summary>
    private bool IsNamedElsewhere(int place) => _source[place].Kind == TokenKind.Name && Enumerable.Range(0, claim.Count).Any(i => alignment[i] == place && claim[i].IsContent);

    private bool Belongs(int place, int from, int end)
    {
        for (int i = from; i <= end; i++)
            if (alignment[i] == place || _source[place].Key == claim[i].Key) return true;
        return false;
    }

    /// <summary>One date says more than the other, and nothing else.</summary>
    internal static bool Agree(Token token, Token other) => (token.Kind, other.Kind) switch
    {
        (TokenKind.Date, TokenKind.Date) => token.Date.Agrees(other.Date) && (token.Date.Month is not null && other.Date.Month is not null || token.Date.Year == other.Date.Year),
        (TokenKind.Date, TokenKind.Number) => token.Date.Year is { } year && other.Quantity.YearLike && other.Quantity.Value == year,
        (TokenKind.Number, TokenKind.Date) => other.Date.Year is { } year && token.Quantity.YearLike && token.Quantity.Value == year,
        _ => false,
    };

    private static bool SameSort(Token claimed, Token other) => claimed.Kind switch
    {
        TokenKind.Name => other.Kind == TokenKind.Name,
        TokenKind.Date => other.Kind == TokenKind.Date || (other.Kind == TokenKind.Number && other.Quantity.YearLike),
        TokenKind.Number => other.Kind == TokenKind.Number && other.Quantity.YearLike == claimed.Quantity.YearLike && other.Quantity.Ordinal == claimed.Quantity.Ordinal
            || (other.Kind == TokenKind.Date && claimed.Quantity.YearLike),
        TokenKind.Identifier => other.Kind == TokenKind.Identifier,
        _ => false,
    };

    /// <summary>Nothing but members of one list between two places: "France, Spain and Italy".</summary>
    private bool IsList(int from, int to)
    {
        if (from > to) (from, to) = (to, from);
        if (to - from > 24) return false;
        bool separated = false;
        for (int i = from; i <= to; i++)
        {
            var token = _source[i];
            if (token.Text is "," or "/" or "&" or "–" or "-" || token.Key is "and" or "or" or "to" or "und" or "oder" or "et" or "ou" or "y" or "e") separated = true;
            else if (!token.IsStrict && token.Kind != TokenKind.Function && token.Text is not ("\"" or "(" or ")")) return false;
        }
        return separated;
    }

    // What must be meant alike.

    private string? ClaimOperators()
    {
        for (int i = 0; i < claim.Count; i++)
        {
            var op = claim[i].Operator;
            if (op == Operator.None || claim[i].Kind != TokenKind.Operator) continue;
            if (!Operators.MustBeInSource(op) && Operators.Group(op) == 0) continue;
            var heads = Scope(claim, i, Reach);
            var places = heads.Where(h => alignment[h] >= 0).Select(h => alignment[h]).ToList();
            bool found = false;
            Operator instead = Operator.None;
            foreach (int place in places)
            {
                foreach (int near in OperatorsOver(_source, place))
                {
                    var other = _source[near].Operator;
                    if (Operators.Implies(other, op)) found = true;
                    else if (Operators.Group(op) != 0 && Operators.Group(other) == Operators.Group(op)) instead = other;
                }
                if (found) break;
            }
            // The same words under the same operator, at another place than they were aligned with.
            if (!found && op is not Operator.Not)
            {
                var stems = heads.Select(h => claim[h].Stem).ToHashSet(StringComparer.Ordinal);
                for (int at = 0; at < _source.Count && !found; at++)
                    found = _source[at].Kind == TokenKind.Operator && Operators.Implies(_source[at].Operator, op) && Scope(_source, at, Reach).Any(p => stems.Contains(_source[p].Stem));
            }
            if (found) continue;
            if (instead != Operator.None && !(instead is Operator.Not)) return $"the source does not say \"{claim[i].Text}\" there";
            if (Operators.MustBeInSource(op) && (repeated >= Loosely || IsShort || Operators.IsHard(op))) return op == Operator.Not ? "the source does not deny it" : $"the source does not say \"{Phrase(claim, i)}\" there";
        }
        return null;
    }

    private string? SourceOperators()
    {
        var claimed = new Dictionary<int, int>();
        for (int i = 0; i < claim.Count; i++)
            if (alignment[i] >= 0 && claim[i].IsContent) claimed.TryAdd(alignment[i], i);
        for (int place = 0; place < _source.Count; place++)
        {
            var op = _source[place].Operator;
            if (_source[place].Sentence < 0 || _source[place].Kind != TokenKind.Operator || !Operators.MustBeInClaim(op)) continue;
            var heads = Scope(_source, place, op is Operator.Not ? 2 : 1);
            int head = heads.FirstOrDefault(claimed.ContainsKey, -1);
            if (head < 0) continue;
            int index = claimed[head];
            if (OperatorsOver(claim, index).Any(c => Operators.Implies(op, claim[c].Operator) || Operators.Implies(claim[c].Operator, op))) continue;
            return op == Operator.Not ? $"the source denies it (\"{Phrase(_source, place)}\")" : $"the source says \"{Phrase(_source, place)}\"";
        }
        return null;
    }

    /// <summary>The words that an operator is about: those behind it in its clause; where none are, the one before.</summary>
    private static List<int> Scope(IReadOnlyList<Token> tokens, int at, int reach)
    {
        var scope = new List<int>();
        // "Did not, however, agree."
        bool aside = at + 3 < tokens.Count && tokens[at + 1].Text == "," && tokens[at + 3].Text == ",";
        for (int i = at + 1; i < tokens.Count && scope.Count < reach && i - at <= 12; i++)
        {
            if (tokens[i].Sentence != tokens[at].Sentence) break;
            if (tokens[i].Clause != tokens[at].Clause && !aside) break;
            // The verb of the sentence: "that he lacked papers was no reason".
            if (scope.Count > 0 && tokens[i].Kind == TokenKind.Function && tokens[i].Key is "is" or "are" or "was" or "were" or "has" or "had" or "have" or "will" or "would" or "does" or "did") break;
            if (tokens[i].IsContent) scope.Add(i);
        }
        if (scope.Count > 0) return scope;
        for (int i = at - 1; i >= 0 && at - i <= 6 && tokens[i].Sentence == tokens[at].Sentence; i--)
            if (tokens[i].IsContent) return [i];
        return scope;
    }

    /// <summary>The operators in whose scope a word is, a little wider than they reach.</summary>
    private static IEnumerable<int> OperatorsOver(IReadOnlyList<Token> tokens, int word)
    {
        for (int i = Math.Max(0, word - 12); i < tokens.Count && i <= word + 6; i++)
            if (tokens[i].Kind == TokenKind.Operator && tokens[i].Sentence == tokens[word].Sentence && Scope(tokens, i, Reach + 1).Contains(word)) yield return i;
    }

    /// <summary>The claim has the opposite of what the source has in its place.</summary>
    private string? Opposites()
    {
        var lexicon = source.Lexicon;
        for (int i = 0; i < claim.Count; i++)
        {
            var token = claim[i];
            if (token.Kind is not (TokenKind.Word or TokenKind.Function or TokenKind.Number) || (!lexicon.HasOpposite(token.Stem) && !MayBePrefixed(token))) continue;
            if (alignment[i] >= 0 && alignment.Fit(i) >= 0.95 && Settled(i)) continue;
            foreach (var (from, to) in Around(i))
                for (int place = from; place <= to; place++)
                {
                    var other = _source[place];
                    if (other.Kind == TokenKind.Boundary) continue;
                    if (other.Key == token.Key || other.Stem == token.Stem) break;
                    if (lexicon.AreOpposed(token.Stem, other.Stem) || Prefixed(token.Key, other.Key)) return $"the source says \"{other.Text}\" where the claim says \"{token.Text}\"";
                }
        }
        return null;
    }

    /// <summary>It stands in the source beside the same neighbours.</summary>
    private bool Settled(int index) => Around(index).All(w => alignment[index] >= w.From && alignment[index] <= w.To);

    private const int MinPrefixed = 6;

    private static readonly string[] Negating = ["un", "in", "im", "il", "ir", "dis", "non", "mis", "de"];

    private static bool MayBePrefixed(Token token) => token.Kind == TokenKind.Word && token.Key.Length >= MinPrefixed - 2;

    private static bool Prefixed(string left, string right)
    {
        (string longer, string shorter) = left.Length > right.Length ? (left, right) : (right, left);
        return shorter.Length >= 4 && longer.Length - shorter.Length is 2 or 3 && longer.EndsWith(shorter, StringComparison.Ordinal) && Negating.Contains(longer[..^shorter.Length]);
    }

    /// <summary>The stretches of the source in which a word of the claim would stand: behind the place of the word before it, and before that of the next.</summary>
    private IEnumerable<(int From, int To)> Around(int index)
    {
        int left = index - 1, right = index + 1;
        while (left >= 0 && !(claim[left].IsContent && alignment[left] >= 0)) left--;
        while (right < claim.Count && !(claim[right].IsContent && alignment[right] >= 0)) right++;
        if (left >= 0 && index - left <= 5)
        {
            int from = alignment[left] + 1, to = from;
            while (to + 1 < _source.Count && to - from < index - left + Slack - 2 && _source[to + 1].Sentence == _source[alignment[left]].Sentence) to++;
            if (from < _source.Count && _source[from].Sentence == _source[alignment[left]].Sentence) yield return (from, to);
        }
        if (right < claim.Count && right - index <= 5)
        {
            int to = alignment[right] - 1, from = to;
            while (from > 0 && to - from < right - index + Slack - 2 && _source[from - 1].Sentence == _source[alignment[right]].Sentence) from--;
            if (to >= 0 && _source[to].Sentence == _source[alignment[right]].Sentence) yield return (from, to);
        }
    }

    /// <summary>"5 shillings", where the source has "5 pounds": the word behind a number is what it counts.</summary>
    private string? Counted()
    {
        for (int i = 0; i + 1 < claim.Count; i++)
        {
            if (claim[i].Kind != TokenKind.Number || alignment[i] < 0 || claim[i].Quantity.Unit.Length > 0 || claim[i].Quantity.YearLike) continue;
            int next = i + 1;
            if (claim[next].Text == "-" && next + 1 < claim.Count) next++;
            if (claim[next].Kind is not (TokenKind.Word or TokenKind.Name)) continue;
            int place = alignment[i] + 1;
            if (_source[alignment[i]] is { Kind: TokenKind.Number, Quantity.Unit: { Length: > 0 } unit } && (alignment[next] < place || alignment[next] > place + Slack)) return $"the source has {claim[i].Text} {unit}, not {claim[i].Text} {claim[next].Text}";
            if (alignment[next] >= 0 || source.Lexicon.IsLight(claim[next].Stem)) continue;
            if (place < _source.Count && _source[place].Text == "-") place++;
            if (place >= _source.Count || _source[place].Kind is not (TokenKind.Word or TokenKind.Name)) continue;
            // "55 participating teams": what is counted comes a word later.
            if (Enumerable.Range(next + 1, 3).Any(k => k < claim.Count && claim[k].IsContent && alignment[k] > alignment[i] && alignment[k] <= alignment[i] + 5)) continue;
            return $"the source has {claim[i].Text} {_source[place].Text}, not {claim[i].Text} {claim[next].Text}";
        }
        return null;
    }

    /// <summary>Two names around one verb: who did it to whom must be the same, in the active voice or the passive.</summary>
    private string? Exchanged()
    {
        for (int i = 0; i < claim.Count; i++)
        {
            if (!IsNamed(claim[i]) || alignment[i] < 0) continue;
            for (int j = i + 1; j < claim.Count && j - i <= 14; j++)
            {
                if (!IsNamed(claim[j]) || alignment[j] < 0 || claim[j].Sentence != claim[i].Sentence) continue;
                int first = Math.Min(alignment[i], alignment[j]), last = Math.Max(alignment[i], alignment[j]);
                if (_source[first].Sentence != _source[last].Sentence || _source[first].Sentence < 0 || !IsNamed(_source[first]) || !IsNamed(_source[last])) continue;
                if (IsJoined(claim, i, j) || IsJoined(_source, first, last)) continue;
                for (int verb = i + 1; verb < j; verb++)
                {
                    int at = alignment[verb];
                    if (claim[verb].Kind != TokenKind.Word || at <= first || at >= last || alignment.Fit(verb) < 0.85 || claim[verb].Clause != claim[i].Clause || claim[verb].Clause != claim[j].Clause) continue;
                    if (_source[first].Clause != _source[at].Clause || _source[last].Clause != _source[at].Clause) continue;
                    bool turned = alignment[j] < alignment[i], sameVoice = IsPassive(claim, verb, j) == IsPassive(_source, at, last);
                    if (turned == sameVoice) return $"the source has {_source[first].Text} and {_source[last].Text} the other way round";
                }
            }
        }
        return null;
    }

    /// <summary>A name, or the first word of a sentence that may be one.</summary>
    private bool IsNamed(Token token) => token.Kind == TokenKind.Name || (token is { Kind: TokenKind.Word, Capital: true, First: true } && source.Lexicon.CapitalsAreNames && !source.Lexicon.IsLight(token.Stem));

    /// <summary>Where order says nothing: "A and B", "between A and B", "A is B".</summary>
    private static bool IsJoined(IReadOnlyList<Token> tokens, int from, int to)
    {
        bool copula = false, passive = false;
        for (int i = from; i <= to; i++)
        {
            string key = tokens[i].Key;
            if (key is "and" or "or" or "with" or "between" or "," or "und" or "oder" or "mit" or "et" or "avec" or "y" or "con") return true;
            copula |= key is "is" or "are" or "was" or "were" or "ist" or "war" or "est" or "es" or "fue";
            passive |= key is "by" or "von" or "par" or "por";
        }
        return copula && !passive;
    }

    private static bool IsPassive(IReadOnlyList<Token> tokens, int verb, int to)
    {
        for (int i = verb + 1; i <= Math.Min(to, verb + 5) && i < tokens.Count; i++)
            if (tokens[i].Key is "by" or "von" or "par" or "por") return true;
        return false;
    }

    private static string Phrase(IReadOnlyList<Token> tokens, int at)
    {
        var words = new List<string> { tokens[at].Text };
        for (int i = at + 1; i < tokens.Count && words.Count < 3 && tokens[i].Kind is not TokenKind.Boundary; i++) words.Add(tokens[i].Text);
        return string.Join(' ', words);
    }

    private static string Show(Token token) => token.Kind == TokenKind.Date
        ? string.Join('-', new[] { token.Date.Year?.ToString("0000"), token.Date.Month?.ToString("00"), token.Date.Day?.ToString("00") }.Where(p => p is not null))
        : token.Quantity.Unit.Length > 0 ? $"{token.Text} {token.Quantity.Unit}" : token.Text;
}
