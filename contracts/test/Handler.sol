// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IDisputes} from "../interfaces/IDisputes.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {MergeFixture} from "./MergeFixture.sol";

/// @dev Makes any call at any time, as the fuzzer of forge chooses; calls that revert are ignored.
/// Counts what must never happen.
contract Handler is MergeFixture {
    uint256 private constant START_NODES = 6;
    uint256 private constant MOST_NODES = 12;
    address internal constant WATCHER = address(0xCAFE);

    /// @dev Numbers of a node's two newest keys: `since` is the first round of the newest.
    struct Keys {
        uint256 newest;
        uint256 before;
        uint64 since;
    }

    uint256 internal nodes;
    mapping(uint256 node => Keys) private _keys;
    uint256 private _nextKey = 1000;
    bytes private _proposed; // the leaf in the proposal
    bool private _right; // whether that is the right merge

    mapping(uint64 round => mapping(uint256 node => uint256)) public commitments;
    uint256 public mostCommitments;
    uint256 public paid;
    uint256 public settled;
    uint256 public finals; // rounds that ended with a merge
    uint256 public disproved;
    uint256 public returned; // withdrawn stakes
    uint256 public unjust; // a right merge that was disproved, or a wrong one that was not
    uint256 public backwards; // phases that went backwards
    uint256 private _progress;
    uint64 private _round;

    constructor() {
        (depth, leafAt, rule) = (1, 1, 1);
        baseLeaf = stateOf(1);
        found(3, 0);
        for (uint256 i; i < START_NODES; ++i) {
            joins();
        }
    }

    function keyOf(uint256 i) internal view override returns (uint256) {
        Keys memory keys = _keys[i];
        return roundId() < keys.since ? keys.before : keys.newest;
    }

    /// @dev A new key for node `i`, from the next round on.
    function replaceKey(uint256 i) private returns (address) {
        Keys storage keys = _keys[i];
        if (keys.since <= roundId()) (keys.before, keys.since) = (keys.newest, roundId() + 1);
        keys.newest = ++_nextKey;
        return signer(keys.newest);
    }

    /// @dev Checks that phases only go forward: within a round, from one proposal to the next, and
    /// from the end of a round to the beginning of the next.
    modifier watched() {
        _;
        IRounds.Round memory now_ = federation.round();
        uint256 progress = uint256(now_.phase) + 2 * uint256(now_.rejected);
        if (now_.phase >= IRounds.Phase.Final) progress = 100;
        bool forward = now_.id == _round ? progress >= _progress : now_.id == _round + 1;
        if (!forward) ++backwards;
        (_progress, _round) = (progress, now_.id);
    }

    /// @dev The next step of an orderly round; one time in four it waits for the deadline.
    function plays(uint256 seed) external watched {
        IRounds.Phase now_ = federation.phase();
        bool lazy = seed % 4 == 0;
        if (federation.cancellable() || now_ == IRounds.Phase.Draw) return advances();
        if (now_ == IRounds.Phase.Idle || now_ >= IRounds.Phase.Final) return opens(seed);
        if (now_ == IRounds.Phase.Commit) return lazy ? pass(WINDOW) : commitsOf(seed);
        if (now_ == IRounds.Phase.Score) return lazy ? pass(WINDOW) : seals(seed);
        if (now_ == IRounds.Phase.Reveal) return lazy ? pass(WINDOW) : reveals(seed);
        if (now_ == IRounds.Phase.Settle) return settles();
        if (now_ == IRounds.Phase.Merge) return lazy ? pass(1) : proposes(2 * seed, seed >> 8);
        if (federation.round().deadline <= time) return advances();
        if (!_right && seed % 8 < 6) return objects(seed);
        if (seed % 8 < 4) return attest();
        pass(DISPUTE_WINDOW);
    }

    /// @dev Any other call, at any time.
    function meddles(uint256 kind, uint256 a, uint256 b, uint256 c) external watched {
        kind %= 20;
        if (kind == 0) joins();
        if (kind == 1) leaves(a, b);
        if (kind == 2) commits(a);
        if (kind == 3) relays(a, b, c);
        if (kind == 4) advances();
        if (kind == 5) seals(a);
        if (kind == 6) reveals(a);
        if (kind == 7) settles();
        if (kind == 8) proposes(a, b);
        if (kind == 9) attest();
        if (kind == 10) claims(a);
        if (kind == 11) pauses(a % 2 == 0);
        if (kind == 12) withdraws(a);
        if (kind == 13) fund(a % REWARD);
        if (kind == 14) pass(bound(a, 1, WINDOW));
        if (kind == 15) objects(a);
        if (kind == 16) returns_(a);
        if (kind == 17) rotates(a, b);
        if (kind == 18) equivocates(a, uint64(b % 8));
        if (kind == 19) withdrawsStake(a);
    }

    // Steps ------------------------------------------------------------------------------------

    function opens(uint256 seed) internal {
        if (federation.activeCount() < START_NODES) returns_(seed >> 8);
        // The state is the last proposal or still the base.
        if (federation.stateRoot() == rootOf(_proposed, path("state"))) baseLeaf = _proposed;
        open();
    }

    /// @dev Some or all nodes that can commit do so.
    function commitsOf(uint256 seed) internal {
        for (uint256 i; i < nodes; ++i) {
            bool active = federation.activeSigner(signer(keyOf(i)), roundId()) != 0;
            bool done = commitments[roundId()][i] != 0;
            if (active && !done && (seed >> i) % 4 != 3) commits(i);
        }
    }

    function commits(uint256 i) internal {
        i = bound(i, 0, nodes - 1);
        commit(i);
        note(i);
    }

    function relays(uint256 i, uint256 j, uint256 by) internal {
        (i, j) = (bound(i, 0, nodes - 1), bound(j, 0, nodes - 1));
        by = by % 2 == 0 ? bound(by, 0, nodes - 1) : _keys[j].newest;
        bytes memory items = bytes.concat(item(i, keyOf(i)), item(j, by), item(i, keyOf(i)));
        uint256 before = federation.round().committed;
        federation.commitUpdates(roundId(), items);
        uint256 fresh = federation.round().committed & ~before;
        relayed(i, fresh);
        if (j != i) relayed(j, fresh);
    }

    /// @dev A node that came back still has its earlier seat in this round.
    function relayed(uint256 i, uint256 fresh) private {
        for (uint256 seat; seat < 32; ++seat) {
            if ((fresh >> seat) & 1 == 0 || federation.seated(uint8(seat)) != i + 1) continue;
            updates = bytes.concat(updates, abi.encodePacked(uint16(i + 1), digestOf(i)));
            note(i);
        }
    }

    function note(uint256 i) private {
        uint256 count = ++commitments[roundId()][i];
        if (count > mostCommitments) mostCommitments = count;
    }

    function advances() internal {
        federation.advance(roundId());
        if (federation.phase() == IRounds.Phase.Final) ++finals;
    }

    function seals(uint256 seed) internal {
        uint256 count = updates.length / 34;
        for (uint8 slot = uint8(scores.length); slot < 3; ++slot) {
            if (uint256(keccak256(abi.encode(seed, slot))) % 8 == 0) return;
            sealVerdict(slot, votesOf(seed, slot, count));
            scores.push(votesOf(seed, slot, count));
        }
    }

    function reveals(uint256 seed) internal {
        for (uint8 slot; slot < 3; ++slot) {
            if (uint256(keccak256(abi.encode(seed, slot))) % 8 == 0) return;
            if ((federation.round().revealedSlots >> slot) & 1 == 0) reveal(slot, scores[slot]);
        }
    }

    function settles() internal {
        bytes[] memory given = new bytes[](3);
        for (uint256 slot; slot < 3; ++slot) {
            if ((federation.round().revealedSlots >> slot) & 1 == 1) given[slot] = scores[slot];
        }
        scores = given;
        settle();
        ++settled;
    }

    /// @dev Propose the right merge, or one with a wrong lane; as the aggregator or another node.
    function proposes(uint256 by, uint256 how) internal {
        if (federation.phase() != IRounds.Phase.Merge) return;
        bool right = how % 2 != 0;
        bytes memory leaf = right ? merge() : changed(merge(), how % 256, 1);
        bytes32 root = rootOf(leaf, path("state"));
        uint256 first = federation.round().aggregator - 1;
        // The first by rotation can be barred or have too little stake; then another proposes.
        uint256 k = by % 2 == 0 ? first : by % nodes;
        if (by % 2 == 0 && federation.round().rejected != 0) k = (first + by / 2) % nodes;
        (uint64 id, address sender) = (roundId(), signer(keyOf(k)));
        vm.prank(sender);
        federation.proposeMerge(id, root);
        (_proposed, _right) = (leaf, right);
    }

    /// @dev A proof against the proposal: it is valid if and only if the proposal is wrong.
    function objects(uint256 seed) internal {
        if (federation.phase() != IRounds.Phase.Proposed) return;
        bytes memory right = merge();
        uint256 lane = seed % 256;
        for (uint256 i; i < 256 && !_right; ++i) {
            if (get(right, i) != get(_proposed, i)) lane = i;
        }
        uint8 rejected = federation.round().rejected;
        IDisputes.MergeProof memory proof = proofAbout(_proposed, uint8(lane / 32));
        vm.prank(WATCHER);
        try disputes.disputeMerge(proof) {
            ++disproved;
        } catch {}
        if (_right != (federation.round().rejected == rejected)) ++unjust;
    }

    // Members ----------------------------------------------------------------------------------

    function joins() internal {
        if (nodes == MOST_NODES) return;
        (_keys[nodes].newest, _keys[nodes].before) = (nodes, nodes);
        updateLeaf[nodes] = lanesOf(nodes, 2 << (nodes % 3));
        join(nodes++);
    }

    function leaves(uint256 i, uint256 how) internal {
        i = bound(i, 0, nodes - 1);
        if (how % 2 == 0) return leave(i);
        federation.revoke(uint16(i + 1));
    }

    function returns_(uint256 i) internal {
        i = bound(i, 0, nodes - 1);
        if (federation.node(uint16(i + 1)).activeUntil == type(uint32).max) return;
        uint256 missing = STAKE - vault.stakeOf(uint16(i + 1));
        federation.admit(account(i), true);
        token.mint(account(i), missing);
        vm.prank(account(i));
        token.approve(address(vault), missing);
        enter(i, replaceKey(i));
    }

    function rotates(uint256 i, uint256 how) internal {
        i = bound(i, 0, nodes - 1);
        if (federation.node(uint16(i + 1)).activeUntil != type(uint32).max) return;
        address signs = how % 2 == 0 ? replaceKey(i) : signer(_keys[i].newest);
        vm.prank(account(i));
        federation.rotate(signs, bytes32(how), bytes32(how));
    }

    function equivocates(uint256 i, uint64 id) internal {
        i = bound(i, 0, nodes - 1);
        bytes32[4] memory given;
        bytes32[2] memory digests = [bytes32("one"), "two"];
        for (uint256 k; k < 2; ++k) {
            bytes32 data = keccak256(
                abi.encode(Signatures.UPDATE_TYPEHASH, id, account(i), bytes32(0), digests[k])
            );
            bytes memory one = signed(keyOf(i), typed(data));
            (given[2 * k], given[2 * k + 1]) = abi.decode(one, (bytes32, bytes32));
        }
        vm.prank(WATCHER);
        disputes.proveEquivocation(id, 0, account(i), digests, given);
    }

    // Money ------------------------------------------------------------------------------------

    function claims(uint256 id) internal {
        id = bound(id, 1, nodes);
        uint256 before = token.balanceOf(account(id - 1));
        claim(uint16(id));
        paid += token.balanceOf(account(id - 1)) - before;
    }

    function withdraws(uint256 amount) internal {
        vault.withdraw(amount % (REWARD / 4));
    }

    function withdrawsStake(uint256 id) internal {
        vault.withdrawStake(uint16(bound(id, 1, nodes)));
        ++returned;
    }

    function pauses(bool on) internal {
        on ? federation.pause() : federation.unpause();
    }
}
