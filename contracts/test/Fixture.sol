// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {DemoToken} from "../DemoToken.sol";
import {Disputes} from "../Disputes.sol";
import {Federation} from "../Federation.sol";
import {Vault} from "../Vault.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Merge} from "../rules/Merge.sol";
import {Shares} from "../rules/Shares.sol";
import {Deployment} from "./Deployment.sol";
import {Log} from "./Vm.sol";

/// @dev A federation with nodes, and helpers for the steps of a round. The test contract is
/// sponsor, council and coordinator; node i (id i + 1) has an account and a signer from fixed keys.
abstract contract Fixture is Deployment {
    uint96 internal constant REWARD = 1_000_000;
    uint96 internal constant STAKE = 10_000; // so that a basis point is one unit
    uint16 internal constant BOND = 6000;
    uint32 internal constant WINDOW = 100;
    uint32 internal constant DISPUTE_WINDOW = 10;
    uint32 internal constant UNBONDING = 600;
    uint64 internal constant START = 1_000_000;

    DemoToken internal token;
    Federation internal federation;
    Vault internal vault;
    Disputes internal disputes;
    uint256 internal time;

    bytes internal updates; // of the current round
    bytes[] internal scores;
    bytes internal results;
    uint96[] internal totals;

    function agreed(uint8 committee) internal view virtual returns (IRounds.Terms memory) {
        return IRounds.Terms({
            card: keccak256("card"),
            genesis: keccak256("genesis"),
            reward: REWARD,
            stake: STAKE,
            nodeShare: 8500,
            validatorShare: 1000,
            aggregatorShare: 500,
            committee: committee,
            minUpdates: 1,
            minScore: -10,
            weightRule: uint8(Shares.SCORE),
            payRule: uint8(Shares.SCORE),
            mergeRule: Merge.MEAN,
            mergeParameter: 0,
            commitWindow: WINDOW,
            scoreWindow: WINDOW,
            revealWindow: WINDOW,
            mergeWindow: WINDOW,
            challengeWindow: WINDOW,
            disputeWindow: DISPUTE_WINDOW,
            unbonding: UNBONDING,
            unrevealedPenalty: 1000,
            invalidPenalty: 1500,
            mergePenalty: BOND, // basis points
            attestationPenalty: 5000,
            equivocationPenalty: 9000
        });
    }

    function found(uint8 committee, uint256 nodes) internal {
        time = START;
        vm.warp(time);
        token = new DemoToken(address(this));
        federation = deploy(agreed(committee), token);
        vault = Vault(address(federation.vault()));
        disputes = Disputes(address(federation.disputes()));
        fund(100 * uint256(REWARD));
        for (uint256 i; i < nodes; ++i) {
            join(i);
        }
    }

    function fund(uint256 amount) internal {
        token.mint(address(this), amount);
        token.approve(address(vault), amount);
        vault.deposit(amount);
    }

    function key(uint256 i) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("signer", i))) >> 1;
    }

    function account(uint256 i) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("account", i)))));
    }

    function signer(uint256 i) internal pure returns (address) {
        return vm.addr(key(i));
    }

    /// @dev Number of the key that acts for node `i` in the live round.
    function keyOf(uint256 i) internal view virtual returns (uint256) {
        return i;
    }

    function join(uint256 i) internal {
        federation.admit(account(i), true);
        token.mint(account(i), STAKE);
        vm.prank(account(i));
        token.approve(address(vault), STAKE);
        enter(i, signer(i));
    }

    function enter(uint256 i, address signs) internal {
        vm.prank(account(i));
        federation.register(signs, bytes32(i), bytes32(i), new bytes32[](0));
    }

    function leave(uint256 i) internal {
        vm.prank(account(i));
        federation.exit();
    }

    function pass(uint256 duration) internal {
        time += duration;
        vm.warp(time);
    }

    function roundId() internal view returns (uint64) {
        return federation.round().id;
    }

    function open() internal {
        federation.openRound(federation.stateRoot());
        updates = "";
        delete scores;
    }

    function digestOf(uint256 i) internal view virtual returns (bytes32) {
        return keccak256(abi.encode(roundId(), i));
    }

    function commit(uint256 i) internal {
        (uint64 id, bytes32 digest, address sender) = (roundId(), digestOf(i), signer(keyOf(i)));
        vm.prank(sender);
        federation.commitUpdate(id, digest);
        updates = bytes.concat(updates, abi.encodePacked(uint16(i + 1), digest));
    }

    /// @dev One item of a batch, signed by key `by` for the account of node `i`.
    function item(uint256 i, uint256 by) internal view returns (bytes memory) {
        bytes32 digest = digestOf(i);
        bytes32 data = keccak256(
            abi.encode(
                Signatures.UPDATE_TYPEHASH, roundId(), account(i), federation.stateRoot(), digest
            )
        );
        return abi.encodePacked(account(i), digest, signed(by, typed(data)));
    }

    function typed(bytes32 data) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Collegium"),
                keccak256("1"),
                block.chainid,
                address(federation)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, data));
    }

    function signed(uint256 i, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(i), digest);
        return abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    function draw() internal {
        if (federation.phase() == IRounds.Phase.Commit) pass(WINDOW);
        federation.advance(roundId());
    }

    function commitAll(uint256 count) internal {
        open();
        for (uint256 i; i < count; ++i) {
            commit(i);
        }
        pass(1);
    }

    function sealOf(uint8 slot, bytes memory votes) internal view returns (bytes32) {
        address owner = account(federation.committee()[slot] - 1);
        return keccak256(
            abi.encode(block.chainid, address(federation), roundId(), owner, votes, salt(slot))
        );
    }

    function salt(uint8 slot) internal pure returns (bytes32) {
        return bytes32(uint256(slot) + 1);
    }

    function member(uint8 slot) internal view returns (address) {
        return signer(keyOf(federation.committee()[slot] - 1));
    }

    function sealVerdict(uint8 slot, bytes memory votes) internal {
        (uint64 id, bytes32 seal, address sender) = (roundId(), sealOf(slot, votes), member(slot));
        vm.prank(sender);
        federation.commitVerdict(id, slot, seal);
    }

    function reveal(uint8 slot, bytes memory votes) internal {
        (uint64 id, address sender) = (roundId(), member(slot));
        vm.prank(sender);
        federation.revealVerdict(id, slot, votes, salt(slot));
    }

    /// @dev All members of the committee vote; the votes are derived from `seed`.
    function vote(uint256 seed) internal {
        uint256 count = updates.length / 34;
        for (uint8 slot; slot < federation.terms().committee; ++slot) {
            scores.push(votesOf(seed, slot, count));
            sealVerdict(slot, scores[slot]);
        }
        for (uint8 slot; slot < scores.length; ++slot) {
            reveal(slot, scores[slot]);
        }
    }

    /// @dev All members vote that every update is good.
    function voteAlike(uint256 count) internal {
        bytes memory votes;
        for (uint256 i; i < count; ++i) {
            votes = bytes.concat(votes, bytes4(uint32(1000 + 7 * i)));
        }
        voteFor(votes);
    }

    /// @dev All members vote the same.
    function voteFor(bytes memory votes) internal {
        for (uint8 slot; slot < federation.terms().committee; ++slot) {
            scores.push(votes);
            sealVerdict(slot, votes);
        }
        for (uint8 slot; slot < scores.length; ++slot) {
            reveal(slot, votes);
        }
    }

    /// @dev Votes around a common value per update; some invalid, some wild.
    function votesOf(uint256 seed, uint8 slot, uint256 count)
        internal
        pure
        returns (bytes memory votes)
    {
        for (uint256 i; i < count; ++i) {
            int256 truth = int256(uint256(keccak256(abi.encode(seed, i))) % 2000) - 400;
            uint256 noise = uint256(keccak256(abi.encode(seed, i, slot)));
            int256 given = truth + int256(noise % 64);
            if (noise % 17 == 0) given = type(int32).min;
            if (noise % 19 == 0) given = type(int32).max;
            votes = bytes.concat(votes, bytes4(uint32(int32(given))));
        }
    }

    function settle() internal {
        vm.recordLogs();
        federation.settle(roundId(), updates, scores, totals);
        Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] != IRounds.RoundSettled.selector) continue;
            (,,,, results,, totals) = abi.decode(
                logs[i].data, (bytes32, bytes32, uint96, uint96, bytes, bytes, uint96[])
            );
        }
    }

    /// @dev Merkle path of a node in the ledger, computed in the simplest way.
    function proofOf(uint256 id) internal view returns (bytes32[] memory proof) {
        bytes32[] memory layer = new bytes32[](totals.length);
        for (uint256 i; i < layer.length; ++i) {
            layer[i] = keccak256(bytes.concat(keccak256(abi.encode(i + 1, uint256(totals[i])))));
        }
        uint256 at = id - 1;
        while (layer.length > 1) {
            if (at ^ 1 < layer.length) proof = append(proof, layer[at ^ 1]);
            bytes32[] memory up = new bytes32[]((layer.length + 1) / 2);
            for (uint256 i; i < up.length; ++i) {
                up[i] = layer[2 * i];
                if (2 * i + 1 < layer.length) {
                    up[i] = Hashes.commutativeKeccak256(up[i], layer[2 * i + 1]);
                }
            }
            (layer, at) = (up, at / 2);
        }
    }

    function append(bytes32[] memory list, bytes32 last)
        private
        pure
        returns (bytes32[] memory out)
    {
        out = new bytes32[](list.length + 1);
        for (uint256 i; i < list.length; ++i) {
            out[i] = list[i];
        }
        out[list.length] = last;
    }

    function claim(uint16 id) internal {
        vault.claim(id, totals[id - 1], proofOf(id));
    }

    function propose(bytes32 root) internal {
        (uint64 id, address sender) = (roundId(), signer(keyOf(federation.round().aggregator - 1)));
        vm.prank(sender);
        federation.proposeMerge(id, root);
    }

    /// @dev As the aggregator, or, if its stake no longer covers the bond, as the first node that can.
    function proposeBonded(bytes32 root) internal {
        uint16 by = federation.round().aggregator;
        if (vault.stakeOf(by) < BOND) pass(WINDOW);
        while (vault.stakeOf(by) < BOND) {
            by = by % uint16(federation.nodeCount()) + 1;
        }
        (uint64 id, address sender) = (roundId(), signer(keyOf(by - 1)));
        vm.prank(sender);
        federation.proposeMerge(id, root);
    }

    function attestation(uint8 slot, uint256 by) internal view returns (bytes memory) {
        bytes32 root = federation.round().proposal;
        bytes32 data = keccak256(abi.encode(Signatures.MERGE_TYPEHASH, roundId(), root));
        return abi.encodePacked(slot, signed(by, typed(data)));
    }

    function attest() internal {
        bytes memory signatures;
        for (uint8 slot; slot < federation.quorum(); ++slot) {
            signatures = bytes.concat(
                signatures, attestation(slot, keyOf(federation.committee()[slot] - 1))
            );
        }
        federation.attestMerge(roundId(), signatures);
    }

    /// @dev No one disputes in time: the merge becomes final.
    function finish() internal {
        pass(DISPUTE_WINDOW);
        federation.advance(roundId());
    }

    /// @dev No quorum attests in time: the merge is rejected.
    function lapse() internal {
        pass(WINDOW);
        federation.advance(roundId());
    }

    /// @dev Money is never created or lost, and the vault can always pay what it owes.
    function conserved() internal view {
        eq(
            vault.earned() + vault.reserved() + vault.free(),
            vault.deposited() - vault.withdrawn(),
            "earned + reserved + free"
        );
        le(vault.claimedTotal(), vault.earned(), "claimed");
        uint256 escrow = vault.free() + vault.reserved() + vault.earned() - vault.claimedTotal();
        uint256 stakes = vault.staked() + vault.owedTotal() + vault.forfeited();
        eq(token.balanceOf(address(vault)), escrow + stakes, "balance");
    }
}
