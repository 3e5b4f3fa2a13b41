// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Disputes} from "../Disputes.sol";
import {Settler} from "../Settler.sol";
import {IDisputes} from "../interfaces/IDisputes.sol";
import {IFederation} from "../interfaces/IFederation.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {Draw} from "../libraries/Draw.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Ledger} from "../libraries/Ledger.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Tree} from "../libraries/Tree.sol";
import {Merge} from "../rules/Merge.sol";
import {Test} from "./Vm.sol";

/// @dev The contracts compute the same as the Python model on the vectors in `tests/vectors`.
/// The test contract acts as the federation whose disputes are judged.
contract VectorsTest is Test {
    using Signatures for bytes32;

    string private json; // the file that is read
    string private at; // the vector in it
    bytes32[3] private disputed; // base, proposal, outcome
    uint256 private disproved;

    /// @dev Go through all vectors of a file.
    function each(string memory name, function() check) private {
        json = vm.readFile(string.concat("tests/vectors/", name, ".json"));
        uint256 count;
        for (; vm.keyExistsJson(json, item("$", count)); ++count) {
            at = string.concat(item("$", count), ".");
            check();
        }
        le(5, count, "vectors");
    }

    function item(string memory array, uint256 i) private pure returns (string memory) {
        return string.concat(array, "[", vm.toString(i), "]");
    }

    function key(string memory name) private view returns (string memory) {
        return string.concat(at, name);
    }

    function integer(string memory name) private view returns (uint256) {
        return vm.parseJsonUint(json, key(name));
    }

    function integers(string memory name) private view returns (uint256[] memory) {
        return vm.parseJsonUintArray(json, key(name));
    }

    function word(string memory name) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, key(name));
    }

    function data(string memory name) private view returns (bytes memory) {
        return vm.parseJsonBytes(json, key(name));
    }

    function list(string memory name) private view returns (bytes[] memory) {
        return vm.parseJsonBytesArray(json, key(name));
    }

    // Draw, ledger, trees ----------------------------------------------------------------------

    function test_Draw() public {
        each("draw", draw);
    }

    function draw() private view {
        address federation = vm.parseJsonAddress(json, key("federation"));
        uint256 round = integer("round");
        bytes32 seed = keccak256(abi.encode(integer("prevrandao"), federation, round));
        same(seed, word("seed"), "seed");
        uint256 members = integer("members");
        uint256[] memory seats = Draw.committee(seed, members, integer("size"));
        same(
            keccak256(abi.encodePacked(seats)),
            keccak256(abi.encodePacked(integers("committee"))),
            "committee"
        );
        eq(Draw.aggregator(members, round), integer("aggregator"), "aggregator");
    }

    function test_Ledger() public {
        each("ledger", ledger);
    }

    function ledger() private view {
        uint256[] memory given = integers("totals");
        uint96[] memory totals = new uint96[](given.length);
        for (uint256 i; i < given.length; ++i) {
            totals[i] = uint96(given[i]);
        }
        bytes32 root = word("root");
        same(Ledger.root(totals, totals.length), root, "root");
        for (uint256 i; i < totals.length; i += 7) {
            bytes32[] memory proof = vm.parseJsonBytes32Array(json, key(item("proofs", i)));
            require(MerkleProof.verify(proof, root, Ledger.leaf(i + 1, totals[i])), "proof");
        }
    }

    function test_Tree() public {
        each("tree", tree);
    }

    function tree() private view {
        bytes[] memory leaves = list("leaves");
        for (uint256 i; i < leaves.length; ++i) {
            bytes32[] memory path = vm.parseJsonBytes32Array(json, key(item("proofs", i)));
            same(this.rootOf(leaves[i], i, path), word("root"), "root");
        }
    }

    function rootOf(bytes calldata leaf, uint256 index, bytes32[] calldata path)
        external
        view
        returns (bytes32)
    {
        return Tree.root(leaf, index, path);
    }

    // Merge ------------------------------------------------------------------------------------

    function test_Merge() public {
        each("merge", merge);
    }

    function merge() private view {
        bytes[] memory leaves = list("leaves");
        uint256[] memory weights = integers("weights");
        bytes memory next = data("newLeaf");
        for (uint256 block_; block_ < 8; ++block_) {
            require(
                this.merged(data("oldLeaf"), next, leaves, weights, block_),
                "the merge of the vector"
            );
            next[128 * block_ + 77] ^= 0x01;
            require(!this.merged(data("oldLeaf"), next, leaves, weights, block_), "altered");
        }
    }

    function merged(
        bytes calldata base,
        bytes calldata next,
        bytes[] calldata leaves,
        uint256[] calldata weights,
        uint256 block_
    ) external view returns (bool) {
        (uint8 rule, uint16 parameter) = mergeRule();
        Lanes.Sums[] memory rows = Merge.room(rule, leaves.length);
        for (uint256 i; i < leaves.length; ++i) {
            require(Merge.add(rule, rows, i, leaves[i], block_, weights[i]), "valid");
        }
        return Lanes.merged(base, next, block_, Merge.moved(rule, parameter, rows));
    }

    function mergeRule() private view returns (uint8 rule, uint16 parameter) {
        return (uint8(integer("mergeRule")), uint16(integer("mergeParameter")));
    }

    // Disputes ---------------------------------------------------------------------------------

    function proposal(uint64) external view returns (bytes32, bytes32, bytes32) {
        return (disputed[0], disputed[1], disputed[2]);
    }

    function disprove(uint64, address) external {
        ++disproved;
    }

    function test_Disputes() public {
        each("dispute", dispute);
        le(1, disproved, "disproved");
    }

    function dispute() private {
        (uint8 rule, uint16 parameter) = mergeRule();
        Disputes judge = new Disputes(IFederation(address(this)), rule, parameter);
        disputed = [word("base"), word("proposal"), word("outcome")];
        uint256 before = disproved;
        try judge.disputeMerge(proofGiven()) {
            same(
                keccak256(bytes(refusal())),
                keccak256(""),
                "the contract accepts what the model refuses"
            );
            eq(disproved, before + 1, "the federation records the rejection");
        } catch (bytes memory answer) {
            same(keccak256(answer), keccak256(expected(refusal())), refusal());
        }
    }

    function refusal() private view returns (string memory) {
        return vm.parseJsonString(json, key("refusal"));
    }

    function expected(string memory what) private pure returns (bytes memory) {
        bytes memory name = bytes(what);
        if (name.length < 9 || bytes9(name) != "WrongLeaf") {
            return abi.encodeWithSignature(string.concat(what, "()"));
        }
        return abi.encodeWithSelector(IDisputes.WrongLeaf.selector, uint8(name[10]) - 48);
    }

    function proofGiven() private view returns (IDisputes.MergeProof memory given) {
        given.round = uint64(integer("proof.round"));
        given.leaf = uint32(integer("proof.leaf"));
        given.block = uint8(integer("proof.block"));
        given.base = leafAt("proof.base");
        given.merged = leafAt("proof.merged");
        given.accepted = data("proof.accepted");
        given.manifests = vm.parseJsonBytes32Array(json, key("proof.manifests"));
        uint256 count;
        while (vm.keyExistsJson(json, key(item("proof.updates", count)))) ++count;
        given.updates = new IDisputes.Leaf[](count);
        for (uint256 i; i < count; ++i) {
            given.updates[i] = leafAt(item("proof.updates", i));
        }
    }

    function leafAt(string memory name) private view returns (IDisputes.Leaf memory leaf) {
        leaf.data = data(string.concat(name, ".data"));
        leaf.path = vm.parseJsonBytes32Array(json, key(string.concat(name, ".path")));
    }

    // Settlement -------------------------------------------------------------------------------

    function test_Settlement() public {
        each("settlement", settlement);
    }

    function settlement() private {
        IRounds.Terms memory terms;
        terms.reward = uint96(integer("terms.reward"));
        terms.nodeShare = uint16(integer("terms.node_share"));
        terms.validatorShare = uint16(integer("terms.validator_share"));
        terms.minScore = int32(vm.parseJsonInt(json, key("terms.min_score")));
        terms.weightRule = uint8(integer("terms.weight_rule"));
        terms.payRule = uint8(integer("terms.pay_rule"));
        uint256[] memory totals = integers("totals");
        uint256[] memory given = integers("ledger");
        bytes32[] memory before = new bytes32[](given.length);
        for (uint256 i; i < given.length; ++i) {
            before[i] = bytes32(given[i]);
        }
        Settler.Result memory result = new Settler(address(this), terms)
            .settle(panel(totals.length), data("updates"), list("scores"), before);
        (,,,, bytes memory results, bytes memory fees, uint96[] memory found) =
            abi.decode(result.log, (bytes32, bytes32, uint96, uint96, bytes, bytes, uint96[]));
        same(keccak256(results), keccak256(data("results")), "results");
        same(keccak256(fees), keccak256(data("fees")), "fees");
        same(result.accepted, word("outcome"), "outcome");
        same(result.root, word("ledgerRoot"), "ledger root");
        eq(result.earned, integer("earned"), "earned");
        same(keccak256(result.invalid), keccak256(invalid()), "invalid");
        for (uint256 i; i < totals.length; ++i) {
            eq(found[i], totals[i], "total");
        }
    }

    function panel(uint256 nodes) private view returns (Settler.Case memory round) {
        uint256[] memory members = integers("members");
        bool[] memory revealed = vm.parseJsonBoolArray(json, key("revealed"));
        round.nodes = nodes;
        for (uint256 slot; slot < members.length; ++slot) {
            round.committee |= members[slot] << (16 * slot);
            if (revealed[slot]) round.revealed |= 1 << slot;
        }
    }

    function invalid() private view returns (bytes memory ids) {
        uint256[] memory owners = integers("owners");
        bool[] memory flags = vm.parseJsonBoolArray(json, key("invalid"));
        for (uint256 i; i < owners.length; ++i) {
            if (flags[i]) ids = bytes.concat(ids, bytes2(uint16(owners[i])));
        }
    }

    // Signatures -------------------------------------------------------------------------------

    function test_Signing() public {
        each("signing", signing);
    }

    function signing() private {
        vm.chainId(integer("chainId"));
        address federation = vm.parseJsonAddress(json, key("federation"));
        address account = vm.parseJsonAddress(json, key("account"));
        uint64 round = uint64(integer("round"));
        bytes32 domain = Signatures.domainOf(federation);
        same(domain, word("separator"), "domain");
        bytes32[8] memory template = Signatures.template(domain, round, word("base"));
        bytes32 hash = Signatures.updateHash(template, account, word("digest"));
        same(hash, word("update"), "update");
        signed(hash, "updateSignature", account);
        hash = Signatures.mergeHash(federation, round, word("base"));
        same(hash, word("merge"), "merge");
        signed(hash, "mergeSignature", account);
        bytes32 seal = keccak256(
            abi.encode(block.chainid, federation, round, account, data("scores"), word("salt"))
        );
        same(seal, word("seal"), "seal");
    }

    function signed(bytes32 hash, string memory name, address by) private view {
        (bytes32 r, bytes32 vs) = abi.decode(data(name), (bytes32, bytes32));
        require(hash.recover(r, vs) == by, name);
    }
}
