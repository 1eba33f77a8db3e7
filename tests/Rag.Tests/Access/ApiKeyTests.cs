using CsCheck;
using Rag.Access;

namespace Rag.Tests.Access;

public sealed class ApiKeyTests
{
    [Fact]
    public void A_key_names_itself_and_holds_256_random_bits()
    {
        string key = ApiKey.Text(ApiKey.NewId(), ApiKey.NewSecret());
        key.ShouldMatch("^rag_[a-z2-9]{8}_[A-Za-z0-9_-]{43}$");
        ApiKey.TryRead(key, out var id, out var secret).ShouldBeTrue();
        ApiKey.Text(id.ToString(), secret.ToString()).ShouldBe(key);
        System.Buffers.Text.Base64Url.DecodeFromChars(secret).Length.ShouldBe(32);
        Enumerable.Range(0, 1_000).Select(_ => ApiKey.NewSecret()).Distinct().Count().ShouldBe(1_000);
    }

    [Fact]
    public void Whatever_else_is_shown_is_no_key()
    {
        string key = ApiKey.Text("abcdefgh", ApiKey.NewSecret());
        foreach (string wrong in new[] { "", "rag_", key[1..], key[..^1], key + "A", key.Replace('_', '-'), "RAG_" + key[4..], " " + key, key.Insert(4, "_") })
            ApiKey.TryRead(wrong, out _, out _).ShouldBeFalse(wrong);
        Gen.String.Sample(text => !ApiKey.TryRead(text, out _, out _));
    }

    [Fact]
    public void Any_text_can_be_hashed_and_only_the_secret_hashes_to_its_hash()
    {
        string secret = ApiKey.NewSecret(), hash = ApiKey.HashText(secret);
        hash.ShouldBe(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(secret))));
        Gen.String.Sample(text => text == secret || ApiKey.HashText(text) != hash);
        ApiKey.HashText(secret[..^1] + "é").ShouldNotBe(hash);
    }
}
