namespace Rag.Testing.Claims;

/// <summary>True claims and false ones, with a seed: the same number of every kind, as far as the sources have them.</summary>
public sealed class ClaimCases(ClaimSource source, int seed, bool heldOut)
{
    private const int Rounds = 12;

    /// <summary>So many of every kind of true claim.</summary>
    public IReadOnlyList<ClaimCase> True(int perKind)
    {
        var random = new Random(seed);
        var byKind = TrueClaims.Kinds.ToDictionary(k => k, _ => new List<ClaimCase>());
        foreach (var sentence in Mixed(source.Sentences, s => s.Source, random))
            foreach (var claim in TrueClaims.Of(sentence))
                if (byKind[claim.Kind].Count < perKind) byKind[claim.Kind].Add(claim);
        foreach (var question in Shuffled(source.Questions, random))
            if (byKind["answer"].Count < perKind && TrueClaims.Of(question) is { } claim) byKind["answer"].Add(claim);
        return [.. byKind.Values.SelectMany(c => c)];
    }

    /// <summary>
    /// So many edits, of true claims of all kinds: as many of every kind as there are, and more of the others where a kind has few. A
    /// sentence may be edited more than once, each time otherwise.
    /// </summary>
    public IReadOnlyList<ClaimCase> False(int count)
    {
        var random = new Random(seed + 1);
        var edits = new FalseClaims(seed + 2, heldOut, source.Sentences);
        var claims = Mixed(source.Sentences.SelectMany(TrueClaims.Of).Concat(source.Questions.Select(TrueClaims.Of).OfType<ClaimCase>()).ToList(), c => c.Source, random);
        var made = FalseClaims.Kinds.Select(kind => Made(edits, claims, kind, 2 * count / FalseClaims.Kinds.Count)).ToList();
        var taken = new List<ClaimCase>(count);
        for (int n = 0; taken.Count < count && made.Any(m => n < m.Count); n++)
            foreach (var kind in made)
                if (n < kind.Count && taken.Count < count) taken.Add(kind[n]);
        return taken;
    }

    private static List<ClaimCase> Made(FalseClaims edits, IReadOnlyList<ClaimCase> claims, string kind, int most)
    {
        var made = new List<ClaimCase>();
        var seen = new HashSet<string>();
        var left = claims;
        for (int round = 0; round < Rounds && made.Count < most; round++)
        {
            // What has nothing for this kind of edit has nothing the next time either.
            var editable = new List<ClaimCase>();
            foreach (var claim in left)
            {
                if (made.Count == most) break;
                if (edits.Edit(claim, kind) is not { } edit) continue;
                editable.Add(claim);
                if (seen.Add(edit.Claim)) made.Add(edit);
            }
            left = editable;
        }
        return made;
    }

    /// <summary>In turn from each group, as long as it lasts.</summary>
    private static List<T> Mixed<T>(IReadOnlyList<T> list, Func<T, string> group, Random random) =>
        [.. list.GroupBy(group).OrderBy(g => g.Key, StringComparer.Ordinal).SelectMany(g => Shuffled([.. g], random).Select((item, at) => (item, at))).OrderBy(i => i.at).Select(i => i.item)];

    private static List<T> Shuffled<T>(IReadOnlyList<T> list, Random random)
    {
        T[] items = [.. list];
        random.Shuffle(items);
        return [.. items];
    }
}
